/** The clocks of places: what they show at an instant, and at which instants they show a time. By the browser's own rules. */

/** When the clocks of a place show a time, and how far they are ahead of UTC then, such as `+02:00`. */
export interface Occurrence {
  at: number;
  offset: string;
}

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;

/** The zone of this device. */
export function ownZone(): string {
  return new Intl.DateTimeFormat().resolvedOptions().timeZone;
}

/** All zones there are to choose from; `own` and UTC are among them, whatever the browser calls them. */
export function zoneNames(own: string): string[] {
  return [...new Set([own, 'UTC', ...Intl.supportedValuesOf('timeZone')])].sort();
}

/** Whether this browser has the rules of a zone. */
export function knows(zone: string): boolean {
  try {
    return Boolean(formatter(zone));
  } catch {
    return false;
  }
}

/** What the clocks of a place show, such as `2027-03-29T09:30`. */
export function localTime(at: number, zone: string): string {
  return new Date(at + offsetAt(at, zone)).toISOString().slice(0, 16);
}

/** When the clocks of a place show this time: once, never or twice around a change of theirs. */
export function occurrences(local: string, zone: string): Occurrence[] {
  const utc = Date.parse(`${local}Z`);
  return offsetsAround(utc, zone)
    .map((offset) => ({ at: utc - offset, offset: written(offset), right: offsetAt(utc - offset, zone) === offset }))
    .filter(({ right }) => right)
    .map(({ at, offset }) => ({ at, offset }))
    .sort((a, b) => a.at - b.at);
}

/** What the clocks show as long before and after their change as the time that they skip is away from it. */
export function neighbours(local: string, zone: string): string[] {
  const utc = Date.parse(`${local}Z`);
  return offsetsAround(utc, zone)
    .map((offset) => localTime(utc - offset, zone))
    .sort();
}

/** A change of the clocks lies between a day before and a day after it, and no second one. */
function offsetsAround(utc: number, zone: string): number[] {
  return [...new Set([utc - DAY, utc + DAY].map((at) => offsetAt(at, zone)))];
}

/** Milliseconds that the clocks of a place are ahead of UTC. */
function offsetAt(at: number, zone: string): number {
  const parts = formatter(zone).formatToParts(at);
  const part = (type: string) => Number(parts.find((p) => p.type === type)?.value);
  const shown = Date.UTC(part('year'), part('month') - 1, part('day'), part('hour'), part('minute'));
  return shown - Math.floor(at / MINUTE) * MINUTE;
}

function written(offset: number): string {
  const minutes = Math.abs(offset) / MINUTE;
  const two = (n: number) => String(n).padStart(2, '0');
  return `${offset < 0 ? '-' : '+'}${two(Math.floor(minutes / 60))}:${two(minutes % 60)}`;
}

/** They are slow to make. */
const formatters = new Map<string, Intl.DateTimeFormat>();

function formatter(zone: string): Intl.DateTimeFormat {
  const known = formatters.get(zone);
  if (known) return known;
  const digits = '2-digit' as const;
  const made = new Intl.DateTimeFormat('en', {
    timeZone: zone,
    calendar: 'gregory',
    numberingSystem: 'latn',
    hourCycle: 'h23',
    year: 'numeric',
    month: digits,
    day: digits,
    hour: digits,
    minute: digits,
  });
  formatters.set(zone, made);
  return made;
}
