// Calls an expert, and is told what happens in the call, until it is over. Plain Node.js 20, no packages.
//
//   node follow.mjs [http://127.0.0.1:8080]

import { setTimeout as pause } from 'node:timers/promises';

const server = process.argv[2] ?? 'http://127.0.0.1:8080';
const account = { domain: 'ubimax', userId: 'connector1', password: 'demo' };

let token = await logIn();
// Where to begin: taken before there is anything to be told of. A real connector keeps the last id it has worked on.
let last = (await ask('GET', '/rtc/getEvents?after=end')).next;
const call = await ask('POST', '/rtc/createCall', { invitedContacts: [{ userId: 'tester', domain: 'ubimax' }] });
console.log(`Call ${call.callId} was created.`);

for await (const { type, data } of events()) {
  if (data.callId !== call.callId) continue;
  console.log(`${data.sequence} ${type} ${data.contact?.userId ?? ''}`);
  if (type === 'call.ended') break;
}

// Every event once and in order, however often the connection or the server goes away.
async function* events() {
  for (;;) {
    try {
      const headers = { authorization: `Bearer ${token}`, 'last-event-id': last };
      const response = await fetch(`${server}/rtc/events`, { headers });
      if (response.status === 401) token = await logIn();
      else if (!response.ok) throw new Error(`The server answers ${response.status}.`);
      else yield* sent(response.body);
    } catch (error) {
      console.error(`${error.message} Trying again.`);
      await pause(2000);
    }
  }
}

// The events of a stream: blocks of lines, with an empty line between two.
async function* sent(body) {
  let unread = '';
  for await (const text of body.pipeThrough(new TextDecoderStream())) {
    const blocks = (unread + text).split('\n\n');
    unread = blocks.pop();
    for (const block of blocks) {
      const field = (name) => block.split('\n').find((line) => line.startsWith(`${name}: `))?.slice(name.length + 2);
      // The login has ended; the next request says so as well.
      if (field('event') === 'problem') return;
      if (field('data')) yield JSON.parse(field('data'));
      // Only now: what is being worked on when the program dies comes again.
      last = field('id') ?? last;
    }
  }
}

async function logIn() {
  const response = await fetch(`${server}/auth/login`, { method: 'POST', body: JSON.stringify(account) });
  return (await answer(response)).accessToken;
}

async function ask(method, path, body) {
  const headers = { authorization: `Bearer ${token}` };
  return answer(await fetch(server + path, { method, body: body && JSON.stringify(body), headers }));
}

async function answer(response) {
  const body = await response.json();
  if (!response.ok) throw new Error(`${body.code}: ${body.detail}`);
  return body;
}
