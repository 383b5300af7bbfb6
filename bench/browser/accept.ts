/**
 * From the click that accepts a call to the first picture of the other end, on either side, beside two pages that
 * connect without a server. `cargo xtask bench accept` runs it.
 */
import { appendFile } from 'node:fs/promises';
import { type Api, contact } from '../../e2e/support/api.ts';
import type { Person } from '../../e2e/support/person.ts';
import { expect, test } from '../../e2e/support/story.ts';
import { Floor, type Page } from './floor.ts';
import { capture360p, noteMarks, preparingCanFail } from './marks.ts';

const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 15);
/** What the server and its client may add, to a direct call and to one through the SFU; and what a call may take whose connection is there. */
const DIRECT_MS = 100;
const SERVER_MS = 20;
const PREPARED_MS = 60;

/** Milliseconds from the click to the picture: of the one who clicked, and of the other; and until the former's camera was open. */
interface Times {
  callee: number[];
  caller: number[];
  open: number[];
}

type Round = Record<keyof Times, number>;

/** How a call is accepted, and within what, given what it takes without a server. */
interface Way {
  name: string;
  aim(bare: number): number;
}

test('accept clicked to first picture', async ({ stranger, context, api }) => {
  const floor = await Floor.open(context);
  const [caller, callee] = await Promise.all([watched(stranger, 'expert1'), watched(stranger, 'expert2')]);
  const [maker, invited] = await Promise.all([api('expert1'), api('expert2')]);
  const bare = noTimes();
  const ways = [
    { name: '', aim: (floor: number) => floor + DIRECT_MS, times: noTimes(), round: () => callRound(caller, callee) },
    {
      name: ' through the SFU',
      aim: () => PREPARED_MS,
      times: noTimes(),
      round: () => sfuRound(caller, callee, maker, invited, true),
    },
    {
      name: ' through the SFU, nothing prepared',
      aim: (floor: number) => floor + SERVER_MS,
      times: noTimes(),
      round: () => sfuRound(caller, callee, maker, invited, false),
    },
  ];
  // The first round of each warms up.
  for (let round = 0; round <= ROUNDS; round++) {
    const floorTimes = await floorRound(floor);
    if (round > 0) note(bare, floorTimes);
    for (const way of ways) {
      const times = await way.round();
      if (round > 0) note(way.times, times);
    }
  }
  for (const way of ways) {
    for (const side of ['callee', 'caller'] as const) await tell(way, side, bare[side], way.times[side]);
    console.log(`    camera and microphone were open p50 ${median(way.times.open).toFixed(0)} ms after the click`);
  }
});

function noTimes(): Times {
  return { callee: [], caller: [], open: [] };
}

async function watched(open: (userId: string, look: { fullPicture: true }) => Promise<Person>, userId: string): Promise<Person> {
  const person = await open(userId, { fullPicture: true });
  await person.context.addInitScript(noteMarks);
  await person.context.addInitScript(capture360p);
  await person.context.addInitScript(preparingCanFail);
  await person.page.reload();
  await person.signIn();
  await person.ready();
  return person;
}

async function floorRound(floor: Floor): Promise<Round> {
  await arm(floor.caller, floor.callee);
  await floor.answer();
  const times = await measured(floor.caller, floor.callee);
  await floor.hangUp();
  return times;
}

async function callRound(caller: Person, callee: Person): Promise<Round> {
  await caller.call(callee);
  return await answered(caller, callee);
}

/** The caller is in the call already, with the camera on, when the callee answers. */
async function sfuRound(
  caller: Person,
  callee: Person,
  maker: Api,
  invited: Api,
  prepared: boolean,
): Promise<Round> {
  const [toCaller, toCallee] = await Promise.all([nextPath(caller), nextPath(callee)]);
  await callee.page.evaluate((unprepared) => (window.unprepared = unprepared), !prepared);
  await maker.createCall({ callTitle: 'Bench', invitedContacts: [contact(invited.user)] });
  await expect(callee.ringsFrom(caller)).toBeVisible();
  await caller.press('Join Bench');
  await toCaller();
  if (prepared) await toCallee();
  return await answered(caller, callee);
}

/** The callee answers what rings, and both are back where they were once they have seen each other. */
async function answered(caller: Person, callee: Person): Promise<Round> {
  await expect(callee.ringsFrom(caller)).toBeVisible();
  // Somebody who answers has looked at the pop-up first; by then nothing of the ring is still at work.
  await Promise.all([settled(caller.page), settled(callee.page)]);
  await arm(caller.page, callee.page);
  await callee.answer(caller);
  const times = await measured(caller.page, callee.page);
  await caller.press('Hang up');
  for (const person of [caller, callee]) {
    await person.press('Back to contacts');
    await person.ready();
  }
  return times;
}

/** Waits for a path that is not there yet. */
async function nextPath(person: Person): Promise<() => Promise<void>> {
  const before = await person.pairs();
  const isThere = async () => (await person.pairs()).some((pair) => !before.includes(pair));
  return () => expect.poll(isThere, 'a path to the server').toBe(true);
}

async function arm(...pages: Page[]): Promise<void> {
  await Promise.all(pages.map((page) => page.evaluate(() => window.arm())));
}

/** The page has nothing to do for a moment. */
async function settled(page: Page): Promise<void> {
  await page.evaluate(() => new Promise((idle) => requestIdleCallback(idle)));
}

async function measured(caller: Page, callee: Page): Promise<Round> {
  const picture = async (page: Page): Promise<number> => {
    await page.waitForFunction(() => window.marks.picture !== undefined, undefined, { polling: 50 });
    return page.evaluate(() => window.marks.picture ?? NaN);
  };
  const [atCallee, atCaller] = await Promise.all([picture(callee), picture(caller)]);
  const { clicked = NaN, open = NaN } = await callee.evaluate(() => window.marks);
  return { callee: atCallee - clicked, caller: atCaller - clicked, open: open - clicked };
}

function note(times: Times, round: Round): void {
  times.callee.push(round.callee);
  times.caller.push(round.caller);
  times.open.push(round.open);
}

/** The figure's row of the summary, as the other figures write theirs. */
async function tell(way: Way, side: 'callee' | 'caller', bare: number[], ours: number[]): Promise<void> {
  const aim = way.aim(Math.round(median(bare)));
  const met = Math.round(median(ours)) <= aim;
  const what = side === 'callee' ? 'who accepts sees the caller' : 'the caller sees who accepts';
  const figure = `accept clicked → first picture${way.name}, ${what}`;
  const [measure, floor] = [ours, bare].map((times) => `p50 ${median(times).toFixed(0)} ms, longest ${Math.max(...times).toFixed(0)} ms`);
  console.log(`${figure}: ${measure} of ${ours.length}\n    floor ${floor}; aim p50 ≤ ${aim} ms: ${met ? 'met' : 'MISSED'}`);
  console.log(`    ours ${list(ours)}\n    floor ${list(bare)}`);
  const row = `| ${figure} | ${measure} | ${floor} | p50 ≤ ${aim} ms | ${met ? 'met' : '**missed**'} |\n`;
  if (process.env.BENCH_REPORT) await appendFile(process.env.BENCH_REPORT, row);
}

function median(times: number[]): number {
  const sorted = times.toSorted((a, b) => a - b);
  return sorted[Math.floor((sorted.length - 1) / 2)] ?? NaN;
}

function list(times: number[]): string {
  return times.map((time) => time.toFixed(0)).join(' ');
}
