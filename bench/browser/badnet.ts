/**
 * What people see on bad networks: a call through the server with one of the two behind a bad link, beside two pages that connect
 * directly over the same link. `cargo xtask bench badnet` runs it.
 */
import { expect, test } from '../../e2e/support/story.ts';
import { Bare, type Browser } from './bare.ts';
import { aboveAfter, gapAfter, mean, median, quantile, type Spell, spell } from './figures.ts';
import type { Page } from './floor.ts';
import { type Link, Wire, pause } from './link.ts';
import { tell } from './rows.ts';
import { SfuCall } from './sfu-call.ts';
import type { Came } from './stage.ts';

const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 2);

/** The two directions over the bad link: what the near one gets of the far one, and what the far one gets. */
interface Both<T> {
  up: T;
  down: T;
}

/** Either system, once both see each other. */
interface Running {
  link: Link;
  far: Page;
  near: Page;
  end: () => Promise<void>;
}

type Start = (profile: string, seed: number) => Promise<Running>;

test.describe.configure({ mode: 'serial' });

for (const { loss, freeze, floor } of [
  { loss: 10, freeze: 1, floor: 0 },
  { loss: 20, freeze: 4, floor: 300 },
]) {
  test(`loss of ${loss} %`, async ({ browser, server, stranger, api }) => {
    const systems = await both(browser, server, stranger, api);
    const [ours, bare] = await rounds(systems, (start, round) => lossRound(start, round, `loss=${loss}%`));
    const show = (all: Both<Spell>[]) => `${of(all, 'freezePercent', 1)} %, ${of(all, 'kbit', 0)} kbit/s`;
    const worst = Math.max(...directions(ours, 'freezePercent'));
    const least = Math.min(...directions(ours, 'kbit'));
    const aim = `≤ ${freeze} %${floor ? `, ≥ ${floor} kbit/s` : ''}`;
    await tell(`freeze time at ${loss} % loss, RTT 40 ms, of what comes over the link up / down`, show(ours), show(bare), aim, worst <= freeze && least >= floor);
    if (loss < 20) return;
    const heard = (all: Both<Spell>[]) => `${of(all, 'concealedPercent', 1)} %`;
    const concealed = Math.max(...directions(ours, 'concealedPercent'));
    await tell(`sound made up at ${loss} % loss, up / down`, heard(ours), heard(bare), '≤ 1 %', concealed <= 1);
  });
}

test('a link of 300 kbit/s', async ({ browser, server, stranger, api }) => {
  const systems = await both(browser, server, stranger, api);
  const [ours, bare] = await rounds(systems, (start, round) => lossRound(start, round, 'rate=300k', 15, 35));
  const used = (all: Both<Spell>[]) => directions(all, 'kbit').map((kbit) => kbit / 3);
  const show = (all: Both<Spell>[]) => `${used(all).map((share) => share.toFixed(0)).join(' / ')} % used, frozen ${of(all, 'freezePercent', 1)} %`;
  const met = Math.min(...used(ours)) >= 85 && Math.max(...directions(ours, 'freezePercent')) === 0;
  await tell('link of 300 kbit/s, RTT 40 ms, up / down', show(ours), show(bare), '≥ 85 % used, no freeze', met);
});

test('from 1 to 0.25 Mbit/s and back', async ({ browser, server, stranger, api }) => {
  const systems = await both(browser, server, stranger, api);
  const [ours, bare] = await rounds(systems, recoveryRound);
  const seconds = (all: Both<number>[]) => [all.map(({ up }) => up), all.map(({ down }) => down)].map(median);
  const show = (all: Both<number>[]) => `${seconds(all).map((s) => s.toFixed(1)).join(' / ')} s`;
  await tell('back to 90 % after 1 → 0.25 → 1 Mbit/s, up / down', show(ours), show(bare), '≤ 8 s', Math.max(...seconds(ours)) <= 8);
});

test('a change of network', async ({ server, stranger, api }) => {
  const wire = await Wire.lay(Number(new URL(server.url).port));
  wire.rttMs = 50;
  const call = await SfuCall.prepare(server, stranger, api, wire.url);
  const link = await call.begin('rtt=50ms', 1);
  if (!link) throw new Error('no link');
  const times: Both<number>[] = [];
  for (let change = 0; change < 3 * ROUNDS; change += 1) {
    await pause(4_000);
    const at = Date.now();
    link.move();
    wire.cut();
    await call.far.page.evaluate(() => dispatchEvent(new Event('online')));
    await pause(4_000);
    times.push(await eachWay(call, (page) => resumed(page, at)));
  }
  link.close();
  await call.end();
  wire.close();
  await tellTimes('network changed → media, RTT 50 ms, up / down', times, 500);
});

test('the server killed and started anew', async ({ server, stranger, api }) => {
  const call = await SfuCall.prepare(server, stranger, api);
  await call.begin(undefined, 1);
  const times: Both<number>[] = [];
  for (let kill = 0; kill < 2 * ROUNDS; kill += 1) {
    await pause(3_000);
    const at = Date.now();
    await server.stop('SIGKILL');
    await server.run();
    await pause(5_000);
    times.push(await eachWay(call, (page) => resumed(page, at)));
  }
  await call.end();
  await tellTimes('server killed and started → media, one way / the other', times, 2_000);
});

test('accepting over a long way', async ({ server, stranger, api }) => {
  const wire = await Wire.lay(Number(new URL(server.url).port));
  const call = await SfuCall.prepare(server, stranger, api, wire.url);
  for (const { name, prepared, most } of [
    { name: 'connected while it rang', prepared: true, most: 1 },
    { name: 'nothing prepared', prepared: false, most: 2.5 },
  ]) {
    const points: [number, number][] = [];
    for (let round = 0; round <= 2 * ROUNDS; round += 1) {
      for (const rtt of [0, 100, 200]) {
        wire.rttMs = rtt;
        const took = await acceptRound(call, rtt, prepared);
        if (round > 0) points.push([rtt, took]);
      }
    }
    const at = (rtt: number) => median(points.filter(([way]) => way === rtt).map(([, took]) => took));
    const slope = (at(200) - at(0)) / 200;
    const measured = `${slope.toFixed(2)} RTT (${[0, 100, 200].map((rtt) => at(rtt).toFixed(0)).join(' / ')} ms)`;
    await tell(`accept clicked → first picture, slope with RTT 0 / 100 / 200 ms, ${name}`, measured, '–', `≤ ${most} RTT`, slope <= most);
  }
  wire.close();
});

test('delay of the picture', async ({ browser, server, stranger, api }) => {
  const call = await SfuCall.prepare(server, stranger, api);
  const bare = await Bare.open(browser);
  const [ours, floor]: [number[], number[]] = [[], []];
  for (let round = 0; round < 2 * ROUNDS; round += 1) {
    await call.begin(undefined, 1);
    ours.push(...(await delays([call.far.page, call.near.page])));
    await call.end();
    await bare.connect(undefined, 1, 600_000);
    floor.push(...(await delays([bare.far, bare.near])));
    await bare.hangUp();
  }
  await bare.close();
  const show = (all: number[]) => `p50 ${quantile(all, 0.5).toFixed(0)} ms, p95 ${quantile(all, 0.95).toFixed(0)} ms (${all.length} pictures)`;
  const more = [0.5, 0.95].map((share) => quantile(ours, share) - quantile(floor, share));
  const [middle = NaN, high = NaN] = more;
  await tell(`camera → screen: ${middle.toFixed(1)} / ${high.toFixed(1)} ms more than without a server`, show(ours), show(floor), '≤ 3 / 8 ms more', middle <= 3 && high <= 8);
});

async function both(
  browser: Browser,
  server: Parameters<typeof SfuCall.prepare>[0],
  stranger: Parameters<typeof SfuCall.prepare>[1],
  api: Parameters<typeof SfuCall.prepare>[2],
): Promise<[Start, Start]> {
  const call = await SfuCall.prepare(server, stranger, api);
  const bare = await Bare.open(browser);
  const ours: Start = async (profile, seed) => {
    const link = await call.begin(profile, seed);
    return running(link, call.far.page, call.near.page, () => call.end());
  };
  const direct: Start = async (profile, seed) => {
    const link = await bare.connect(profile, seed);
    return running(link, bare.far, bare.near, () => bare.hangUp());
  };
  return [ours, direct];
}

function running(link: Link | undefined, far: Page, near: Page, end: () => Promise<void>): Running {
  if (!link) throw new Error('no link');
  const close = async () => {
    link.close();
    await end();
  };
  return { link, far, near, end: close };
}

/** The systems take turns. */
async function rounds<T>(systems: [Start, Start], one: (start: Start, round: number) => Promise<T>): Promise<[T[], T[]]> {
  const all: [T[], T[]] = [[], []];
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const [index, system] of systems.entries()) all[index]?.push(await one(system, round));
  }
  return all;
}

/** The link turns bad when the call stands, and is looked at once that has settled. */
async function lossRound(start: Start, round: number, what: string, from = 12, until = 32): Promise<Both<Spell>> {
  const { link, far, near, end } = await start(`rtt=40ms; 6s ${what}`, 10 * round + 1);
  await passed(link, from);
  const look = () => Promise.all([near, far].map((page) => page.evaluate(() => window.came())));
  const before = await look();
  await passed(link, until);
  const after = await look();
  const shown = await Promise.all([near, far].map((page) => page.evaluate(() => window.shown.map(({ at }) => at))));
  await end();
  const [up, down] = [0, 1].map((way) => spell(before[way] as Came, after[way] as Came, shown[way] ?? []));
  if (!up || !down) throw new Error('nothing was measured');
  console.log(`  ${what} up ${JSON.stringify(up)}\n  ${' '.repeat(what.length)} down ${JSON.stringify(down)}`);
  return { up, down };
}

async function recoveryRound(start: Start, round: number): Promise<Both<number>> {
  const { link, far, near, end } = await start('rtt=40ms rate=1M; 16s rate=250k; 26s rate=1M', 10 * round + 1);
  for (const page of [near, far]) await page.evaluate(() => window.keepLooking());
  await passed(link, 50);
  const [up, down] = await Promise.all(
    [near, far].map(async (page) => aboveAfter(await page.evaluate(() => window.looks), link.at(10), link.at(16), link.at(26))),
  );
  await end();
  console.log(`  recovery up ${up} down ${down}`);
  return { up: up ?? NaN, down: down ?? NaN };
}

/** So many seconds of the link's profile. */
function passed(link: Link, seconds: number): Promise<void> {
  return pause(Math.max(link.at(seconds) - Date.now(), 0));
}

async function eachWay<T>(call: SfuCall, ask: (page: Page) => Promise<T>): Promise<Both<T>> {
  const [up, down] = await Promise.all([ask(call.near.page), ask(call.far.page)]);
  return { up, down };
}

/** From then on until a picture came after the longest pause. */
async function resumed(page: Page, at: number): Promise<number> {
  return gapAfter(await page.evaluate(() => window.shown.map(({ at }) => at)), at);
}

async function acceptRound(call: SfuCall, rtt: number, prepared: boolean): Promise<number> {
  const { page } = call.far;
  await page.evaluate((unprepared) => (window.unprepared = unprepared), !prepared);
  const link = await call.ring(`rtt=${rtt}ms`, 1, prepared);
  await pause(500 + rtt);
  await page.evaluate(() => window.arm());
  await call.far.answer(call.near);
  await page.waitForFunction(() => window.marks.picture !== undefined, undefined, { polling: 50 });
  const took = await page.evaluate(() => (window.marks.picture ?? NaN) - (window.marks.clicked ?? NaN));
  link?.close();
  await call.end();
  return took;
}

async function delays(pages: Page[]): Promise<number[]> {
  // The layers, the estimate and the jitter buffer have settled.
  await pause(8_000);
  for (const page of pages) await page.evaluate(() => ([window.shown, window.readClock] = [[], true]));
  await pause(6_000);
  const seen = await Promise.all(
    pages.map((page) =>
      page.evaluate(() => {
        window.readClock = false;
        return window.shown.flatMap(({ at, taken }) => (taken === undefined ? [] : [at - taken]));
      }),
    ),
  );
  expect(Math.min(...seen.map((all) => all.length)), 'pictures whose clock can be read').toBeGreaterThan(50);
  return seen.flat();
}

async function tellTimes(what: string, times: Both<number>[], most: number): Promise<void> {
  const [up, down] = [times.map(({ up }) => up), times.map(({ down }) => down)];
  console.log(`  ${what}: ${JSON.stringify(times)}`);
  const show = `p50 ${median(up).toFixed(0)} / ${median(down).toFixed(0)} ms, longest ${Math.max(...up).toFixed(0)} / ${Math.max(...down).toFixed(0)} ms of ${times.length}`;
  await tell(what, show, '–', `p50 ≤ ${most} ms`, Math.max(median(up), median(down)) <= most);
}

function directions<Name extends string>(all: Both<Record<Name, number>>[], name: Name): number[] {
  return [mean(all.map(({ up }) => up[name])), mean(all.map(({ down }) => down[name]))];
}

function of<Name extends string>(all: Both<Record<Name, number>>[], name: Name, digits: number): string {
  return directions(all, name).map((value) => value.toFixed(digits)).join(' / ');
}
