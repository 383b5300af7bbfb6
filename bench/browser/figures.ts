/** From what pages noted to figures. */
import type { Came } from './stage.ts';

/** A pause between two pictures this long is seen. */
const FREEZE_MS = 200;

/** How it was for some time. */
export interface Spell {
  /** As the browser counts it. */
  freezePercent: number;
  /** As the pictures came on the screen. */
  pausePercent: number;
  kbit: number;
  framesPerSecond: number;
  concealedPercent: number;
}

export function spell(before: Came, after: Came, shown: number[]): Spell {
  const ms = after.at - before.at;
  return {
    freezePercent: ((after.freezeMs - before.freezeMs) / ms) * 100,
    pausePercent: (freezes(shown, before.at, after.at) / ms) * 100,
    kbit: ((after.bytes - before.bytes) * 8) / ms,
    framesPerSecond: ((after.frames - before.frames) / ms) * 1000,
    concealedPercent: ((after.concealed - before.concealed) / (after.samples - before.samples)) * 100,
  };
}

/** Milliseconds of pauses within a time. */
export function freezes(shown: number[], from: number, until: number): number {
  const within = [from, ...shown.filter((at) => at > from && at < until), until];
  const pauses = within.slice(1).map((at, index) => at - (within[index] ?? at));
  return pauses.filter((pause) => pause > FREEZE_MS).reduce((all, pause) => all + pause, 0);
}

/** From `at` to the end of the longest pause that begins within the next quarter of a second. */
export function gapAfter(shown: number[], at: number): number {
  const pauses = shown.slice(1).map((end, index) => ({ begin: shown[index] ?? end, end }));
  const near = pauses.filter(({ begin, end }) => end > at && begin < at + 250);
  const longest = near.toSorted((a, b) => b.end - b.begin - (a.end - a.begin))[0];
  return longest ? longest.end - at : Infinity;
}

/** Seconds from `back` until pictures take 90 % of what they took on average between `from` and `drop`, over a second. */
export function aboveAfter(looks: Came[], from: number, drop: number, back: number): number {
  const rate = (one: Came, other: Came) => (other.pictureBytes - one.pictureBytes) / (other.at - one.at);
  const before = looks.filter(({ at }) => at >= from && at <= drop);
  const [first, last] = [before[0], before.at(-1)];
  if (!first || !last) return NaN;
  const wanted = rate(first, last) * 0.9;
  for (const [index, look] of looks.entries()) {
    const earlier = looks[index - 2];
    if (earlier && earlier.at >= back && rate(earlier, look) >= wanted) return (look.at - back) / 1000;
  }
  return Infinity;
}

export function mean(values: number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

export function median(values: number[]): number {
  return quantile(values, 0.5);
}

export function quantile(values: number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor((sorted.length - 1) * share)] ?? NaN;
}
