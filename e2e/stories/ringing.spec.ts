import { contact } from '../support/api.ts';
import type { Person } from '../support/person.ts';
import { expect, test } from '../support/story.ts';

interface Frame {
  type: string;
  epoch?: number;
  prepared?: boolean;
}

/** What a page says to the server, in order. To be called before it signs in. */
function said(person: Person): Frame[] {
  const frames: Frame[] = [];
  person.page.on('websocket', (socket) => {
    socket.on('framesent', ({ payload }) => frames.push(JSON.parse(payload.toString()) as Frame));
  });
  return frames;
}

async function arrives(person: Person): Promise<void> {
  await person.signIn();
  await person.ready();
}

/** The connection is there while it only rings, and neither camera nor microphone is on. */
async function isPrepared(person: Person): Promise<void> {
  await expect.poll(async () => (await person.pairs()).length, 'a path to the server').toBeGreaterThan(0);
  const { lines } = await person.received();
  const come = Object.values(lines).filter(({ kind, count }) => kind === 'sound' || count > 0);
  expect(come, 'what comes while it rings').toEqual([]);
  expect(await person.page.evaluate(() => window.devicesAsked), 'devices').toBe(0);
}

test('whoever accepts a call through the server is connected already, and offers nothing more', async ({
  stranger,
  api,
}) => {
  const [first, second] = await Promise.all([stranger('expert1'), stranger('expert2')]);
  const people = [first, second];
  const frames = people.map(said);
  for (const one of people) await one.page.evaluate(watchDevices);
  await Promise.all(people.map(arrives));
  const [maker, invited] = await Promise.all([api('expert1'), api('expert2')]);
  await maker.createCall({ callTitle: 'Pump 7', invitedContacts: [contact(invited.user)] });

  await expect(second.ringsFrom(first)).toBeVisible();
  await isPrepared(second);
  await second.answer(first);
  await expect(first.ringsFrom(second)).toBeVisible();
  await isPrepared(first);
  await first.answer(second);
  await Promise.all(people.map((one) => one.throughServer()));
  await Promise.all(people.map((one) => one.seesAndHearsAll(1)));
  for (const one of people) expect((await one.received()).connections, 'connections').toBe(1);
  for (const sent of frames) {
    const media = sent.filter(({ type }) => type === 'join' || type === 'mediaOffer');
    expect(media).toMatchObject([
      { type: 'mediaOffer', epoch: 0 },
      { type: 'join', prepared: true },
    ]);
  }

  await test.step('and whoever hears nothing from the server any more looks for another path', async () => {
    const before = await second.pairs();
    await second.page.evaluate(() => (window.hearNothing = true));
    await expect(second.connection).toHaveText('Reconnecting…');
    await expect.poll(async () => (await second.pairs()).some((pair) => !before.includes(pair)), 'a new path').toBe(true);
    await second.page.evaluate(() => (window.hearNothing = false));
    await Promise.all(people.map((one) => one.throughServer()));
    await Promise.all(people.map((one) => one.seesAndHearsAll(1)));
    for (const one of people) expect((await one.received()).connections, 'connections').toBe(1);
  });
});

declare global {
  interface Window {
    devicesAsked: number;
    hearNothing: boolean;
  }
}

/** Runs in the page: counts how often camera and microphone are asked for; if wished, nothing from the server seems to come. */
function watchDevices(): void {
  window.devicesAsked = 0;
  const devices = navigator.mediaDevices;
  const open = devices.getUserMedia.bind(devices);
  devices.getUserMedia = (wanted) => {
    window.devicesAsked += 1;
    return open(wanted);
  };
  const channel = RTCDataChannel.prototype as { send: (text: string) => void };
  const { send } = channel;
  channel.send = function (text) {
    if (!window.hearNothing) send.call(this, text);
  };
  const connection = RTCPeerConnection.prototype as { getStats: () => Promise<RTCStatsReport> };
  const { getStats } = connection;
  connection.getStats = async function () {
    const reports = await getStats.call(this);
    if (!window.hearNothing) return reports;
    return new Map([...reports].filter(([, { type }]) => type !== 'inbound-rtp')) as RTCStatsReport;
  };
}
