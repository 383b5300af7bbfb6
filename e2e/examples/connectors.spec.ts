import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { Party } from '../support/party.ts';
import { type Ended, run } from '../support/program.ts';
import { checkout } from '../support/server.ts';
import { expect, test } from '../support/story.ts';

/** The request of the call API, as `fetch` sends it. */
const REQUEST =
  '{"callType":"SFU","invitedContacts":[{"userId":"tester","userDbId":8,"email":"test@test.com",' +
  '"domain":"ubimax","displayName":"Tester","phoneNumber":null}],"invitedTeams":[],' +
  '"joinAnonymousAllowed":false,"callTitle":"New Call","plannedDateTime":null,"callReason":"STANDARD"}';

test('Node.js: calls the expert and follows the call to its end', async ({ server, api }) => {
  const expert = await Party.connect(server.url, 'tester');
  const example = run('node', 'examples/nodejs/connector.mjs', server.url);
  const callId = await rungBy(example, expert);
  await expert.join(callId);
  const log = await api('tester');
  await log.tells(callId, ['Created connector1', 'Join tester'], 'Started');
  await expert.leave(callId);

  const { code, output } = await example;
  expect(output.trim().split('\n')).toEqual([
    `Call ${callId} was created.`,
    'Created connector1',
    'Join tester',
    'Leave tester',
    expect.stringMatching(/^Ended /),
  ]);
  expect(code).toBe(0);
  expect(await log.log(callId)).toMatchObject({ callTitle: 'New Call', callType: 'SFU', callStatus: 'Ended' });
});

/** Waits for the ring that the example causes, or says why there is none. */
async function rungBy(example: Promise<Ended>, party: Party): Promise<string> {
  const ended = example.then(({ code, output }) => {
    throw new Error(`The example ended with ${code} before anybody was rung:\n${output}`);
  });
  return Promise.race([party.rung(), ended]);
}

/** Stands in for the server, so as to see what is sent and to answer what a story needs. */
async function standIn(answer: object, status = 200): Promise<{ url: string; sent: Sent[]; close: () => void }> {
  const sent: Sent[] = [];
  const listener = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk) => (body += chunk));
    request.on('end', () => {
      const login = request.url === '/auth/login';
      sent.push({ url: request.url, type: request.headers['content-type'], body });
      response.statusCode = login ? 200 : status;
      response.end(JSON.stringify(login ? { accessToken: 'token' } : answer));
    });
  }).listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const { port } = listener.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, sent, close: () => listener.close() };
}

interface Sent {
  url: string | undefined;
  type: string | undefined;
  body: string;
}

test('Node.js: is told what happens in the call until it ends', async ({ server }) => {
  const expert = await Party.connect(server.url, 'tester');
  const example = run('node', 'examples/nodejs/follow.mjs', server.url);
  const callId = await rungBy(example, expert);
  await expert.join(callId);
  await expert.leave(callId);
  const { code, output } = await example;
  expect(code, output).toBe(0);
  const [created, ...told] = output.trim().split('\n');
  expect(created).toBe(`Call ${callId} was created.`);
  expect(told.map((line) => Number.parseInt(line, 10))).toEqual(told.map((_, index) => index + 1));
  const types = told.map((line) => line.split(' ')[1]);
  for (const type of ['call.created', 'call.ringStarted', 'call.joined', 'call.left']) expect(types).toContain(type);
  expect(types.at(-1)).toBe('call.ended');
});

test('Node.js: sends the very bytes existing connectors send, and no content-type of its own', async () => {
  const { url, sent, close } = await standIn({ callId: 'x', callStatus: 'Ended', callEvents: [] });
  const { code, output } = await run('node', 'examples/nodejs/connector.mjs', url);
  close();
  expect(code, output).toBe(0);
  expect(sent.at(-1)).toEqual({ url: '/rtc/createCall', type: 'text/plain;charset=UTF-8', body: REQUEST });
});

test('Node.js: an error is told by its code', async () => {
  const { url, close } = await standIn({ code: 'unknown_contact', detail: 'There is no such user.' }, 422);
  const { code, output } = await run('node', 'examples/nodejs/connector.mjs', url);
  close();
  expect(code).toBe(1);
  expect(output).toContain('unknown_contact: There is no such user.');
});

test('curl: calls the expert and follows the call to its end', async ({ server }) => {
  const expert = await Party.connect(server.url, 'tester');
  const example = run('examples/curl/connector.sh', server.url);
  const callId = await rungBy(example, expert);
  await expert.join(callId);
  await expert.leave(callId);
  const { code, output } = await example;
  expect(code, output).toBe(0);
  expect(output).toContain(`Call ${callId} was created.`);
  expect(output).toContain('"callStatus":"Ended"');
});

test('Java: a generated client brokers a call between an expert and a technician', async ({ server, api }) => {
  const [expert, glasses] = await Promise.all([
    Party.connect(server.url, 'tester'),
    Party.connect(server.url, 'glasses1'),
  ]);
  const classes = process.env.E2E_JAVA_CLASSPATH ?? '';
  const example = run('java', '-cp', classes, 'Connector', server.url);
  const callId = await rungBy(example, expert);
  expect(glasses.hasRung, 'the technician is not rung before the expert has joined').toBe(false);
  await expert.join(callId);
  expect(await glasses.rung()).toBe(callId);
  await glasses.join(callId);
  const log = await api('tester');
  const joined = ['Created glasses1', 'Join tester', 'Join glasses1'];
  await log.tells(callId, joined, 'Started');
  await glasses.leave(callId);

  const { code, output } = await example;
  const events = [...joined, 'Leave glasses1', 'Leave tester'];
  expect(output.trim().split('\n')).toEqual([
    `Call ${callId} was created.`,
    ...events,
    expect.stringMatching(/^Ended /),
  ]);
  expect(code).toBe(0);
});

test('README: the Node.js example works as printed', async ({ server }) => {
  const expert = await Party.connect(server.url, 'tester');
  const text = await readFile(join(checkout, 'README.md'), 'utf8');
  const code = /```js\n(.*?)```/s.exec(text)?.[1] ?? '';
  expect(code).toContain("'http://127.0.0.1:8080'");
  const example = run('node', '--input-type=module', '-e', code.replace('http://127.0.0.1:8080', server.url));
  const callId = await rungBy(example, expert);
  expect(await example).toEqual({ code: 0, output: `${callId} Planned\n` });
});

test('demo: the lines it prints for pasting make the expert ring', async ({ server }) => {
  const lines = server.log.split('\n').map((line) => line.trim());
  const pasted = lines.filter((line) => line.startsWith('TOKEN=') || line.startsWith('node '));
  expect(pasted).toHaveLength(2);
  for (const line of pasted) {
    const expert = await Party.connect(server.url, 'tester');
    const example = run('sh', '-c', line);
    const callId = await rungBy(example, expert);
    await expert.join(callId);
    await expert.leave(callId);
    expert.close();
    const { code, output } = await example;
    expect(code, output).toBe(0);
    expect(output).toContain(callId);
  }
});
