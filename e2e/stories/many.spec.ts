import { contact } from '../support/api.ts';
import { conference, talking } from '../support/calls.ts';
import { expect, test } from '../support/story.ts';

const joined = ['Created expert1', 'Join expert2', 'Join expert1', 'Join callertest1'];

test('three people in a call see and hear each other through the server', async ({ person, api }) => {
  const { people, api: log, callId } = await conference(person, api);
  await Promise.all(people.map((one) => one.throughServer()));
  for (const one of people) expect((await one.received()).connections, 'connections').toBe(1);
  await log.tells(callId, joined, 'Started');

  const [first, second, third] = people;
  await test.step('they see what the others have switched off', async () => {
    await third.press('Mute microphone');
    await third.press('Turn camera off');
    for (const one of [first, second]) {
      const tile = one.page.getByRole('listitem', { name: third.name, exact: true });
      await expect(tile.getByRole('img', { name: 'Microphone muted', exact: true })).toBeVisible();
      await expect(tile.getByRole('img', { name: 'Camera off', exact: true })).toBeVisible();
      await expect(tile.getByTestId('remote-video')).toBeHidden();
    }
    await third.press('Unmute microphone');
    await third.press('Turn camera on');
    await Promise.all(people.map((one) => one.seesAndHearsAll(2)));
  });

  await test.step('and when one has left, the other two go on', async () => {
    await third.press('Hang up');
    await Promise.all([first.inCallWith(second), second.inCallWith(first)]);
    await Promise.all([first.seesAndHearsAll(1), second.seesAndHearsAll(1)]);
  });
});

test('a call of two never loses its pictures when a third person is added', async ({ person, api }) => {
  const third = await person('callertest1');
  const { caller, callee, api: log, callId } = await talking(person, api);
  await caller.watchPictureOf(callee);
  await callee.watchPictureOf(caller);
  await caller.press('Add someone');
  await caller.press(`Add ${third.name}`);
  await third.answer(caller);
  const people = [caller, callee, third];
  await Promise.all(people.map((one) => one.seesAndHearsAll(2)));
  await Promise.all(people.map((one) => one.throughServer()));
  for (const one of [caller, callee]) expect(await one.framesWithoutPicture()).toBe(0);
  const events = ['Created expert1', 'Join expert1', 'Join expert2', 'Join callertest1', 'TypeChanged callertest1'];
  await expect.poll(async () => (await log.events(callId)).toSorted()).toEqual(events.toSorted());
});

test('a page that is reloaded in a call of three comes back into it', async ({ person, api }) => {
  const { people, api: log, callId } = await conference(person, api);
  await people[1].page.reload();
  await people[1].throughServer();
  await Promise.all(people.map((one) => one.seesAndHearsAll(2)));
  await log.tells(callId, joined, 'Started');
});

test('whoever comes without a ring, or again, is connected by what goes out with the join', async ({ person, api }) => {
  const { people } = await conference(person, api);
  const [first, second, third] = people;
  const [offeredAgain, offeredAnew] = [second.offersSent(), third.offersSent()];
  await second.page.reload();
  await third.press('Hang up');
  await third.page.reload();
  await third.press('Join All about pump 7');
  await Promise.all(people.map((one) => one.throughServer()));
  await Promise.all([first, second, third].map((one) => one.seesAndHearsAll(2)));
  expect([offeredAgain, offeredAnew]).toEqual([['join'], ['join']]);
});

for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
  test(`a call of three comes back by itself after a restart of the server (${signal})`, async ({
    person,
    api,
    server,
  }) => {
    const { people, callId } = await conference(person, api);
    await server.stop(signal);
    await Promise.all(people.map((one) => expect(one.page.getByTestId('server-lost')).toBeVisible()));
    await server.run();
    await Promise.all(people.map((one) => expect(one.page.getByTestId('server-lost')).toBeHidden()));
    await Promise.all(people.map((one) => one.seesAndHearsAll(2)));
    await Promise.all(people.map((one) => one.throughServer()));
    const log = await api('expert1');
    expect((await log.onlyCall()).callId).toBe(callId);
    await log.tells(callId, joined, 'Started');
  });
}

test('a call of two through the server goes on when the network changes', async ({ person, api }) => {
  const [first, second, maker] = await Promise.all([person('expert1'), person('expert2'), api('expert1')]);
  const { user } = await api('expert2');
  await maker.createCall({ callTitle: 'Behind a firewall', invitedContacts: [contact(user)] });
  await second.answer(first);
  await expect(second.connection).toHaveText(`${first.name} sees your call…`);
  await first.answer(second);
  await Promise.all([first.throughServer(), second.throughServer()]);
  await Promise.all([first.seesAndHearsAll(1), second.seesAndHearsAll(1)]);

  const before = await first.pairs();
  await first.page.evaluate(() => dispatchEvent(new Event('online')));
  await expect.poll(async () => (await first.pairs()).some((pair) => !before.includes(pair)), 'a new path').toBe(true);
  await Promise.all([first.seesAndHearsAll(1), second.seesAndHearsAll(1)]);
  expect((await first.received()).connections, 'connections').toBe(1);
});

test('two who find no way to each other are connected through the server', async ({ stranger, person, api }) => {
  const [caller, callee] = await Promise.all([stranger('expert1'), person('expert2')]);
  await caller.context.addInitScript(loseSignalledAddresses);
  await caller.page.reload();
  await caller.signIn();
  await caller.ready();
  await caller.call(callee);
  await callee.answer(caller);
  await Promise.all([caller, callee].map((one) => expect(one.connection).toHaveText('Connecting…')));
  await Promise.all([caller, callee].map((one) => one.throughServer(20_000)));
  await Promise.all([caller.seesAndHearsAll(1), callee.seesAndHearsAll(1)]);
  const log = await api('expert1');
  expect((await log.onlyCall()).callType).toBe('SFU');
});

/** Runs in the page: as if a firewall let nothing through to the other end. The server needs no addresses of a client. */
function loseSignalledAddresses(): void {
  const { prototype } = RTCPeerConnection;
  const describe: (this: RTCPeerConnection, to: RTCSessionDescriptionInit) => Promise<void> = prototype.setRemoteDescription;
  const described = Object.getOwnPropertyDescriptor(prototype, 'localDescription');
  const without = (sdp = '') => sdp.replace(/^a=candidate:.*\r\n/gm, '');
  prototype.addIceCandidate = async () => undefined;
  prototype.setRemoteDescription = function (this: RTCPeerConnection, { type, sdp }: RTCSessionDescriptionInit) {
    const kept = sdp?.includes('a=ice-lite') ? sdp : without(sdp);
    return describe.call(this, { type, sdp: kept });
  };
  Object.defineProperty(prototype, 'onicecandidate', { set: () => undefined });
  Object.defineProperty(prototype, 'localDescription', {
    get() {
      const own = described?.get?.call(this) as RTCSessionDescription | null;
      return own && { type: own.type, sdp: without(own.sdp) };
    },
  });
}
