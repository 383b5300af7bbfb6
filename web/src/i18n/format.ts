/** Times as the person's own settings write them. */
const day = new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'short', year: 'numeric' });
/** A date has no time, and is the same everywhere. */
const dateOnly = new Intl.DateTimeFormat(undefined, {
  day: 'numeric',
  month: 'long',
  year: 'numeric',
  timeZone: 'UTC',
});
const WEEKDAY = { weekday: 'long', day: 'numeric', month: 'long' } as const;
const TIME = { hour: '2-digit', minute: '2-digit' } as const;
const weekdayOfYear = new Intl.DateTimeFormat(undefined, { ...WEEKDAY, year: 'numeric' });
const weekday = new Intl.DateTimeFormat(undefined, WEEKDAY);
const time = new Intl.DateTimeFormat(undefined, TIME);
const exact = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit', second: '2-digit' });

/** A date as it is kept, such as `2026-12-25`. */
export function dayOf(date: string): string {
  return dateOnly.format(Date.parse(date));
}

export function dateTime(iso: string): string {
  const at = new Date(iso);
  return `${day.format(at)}, ${time.format(at)}`;
}

export function dayAndTime(iso: string): string {
  const at = new Date(iso);
  return `${weekday.format(at)}, ${time.format(at)}`;
}

/** Of a day that may be far off. */
export function dayOfYearAndTime(iso: string): string {
  const at = new Date(iso);
  return `${weekdayOfYear.format(at)}, ${time.format(at)}`;
}

/** What the clocks of another place show. */
export function timeThere(at: number, zone: string): string {
  return new Intl.DateTimeFormat(undefined, { ...TIME, timeZone: zone }).format(at);
}

export function dayAndTimeThere(at: number, zone: string): string {
  const there = new Intl.DateTimeFormat(undefined, { ...WEEKDAY, timeZone: zone });
  return `${there.format(at)}, ${timeThere(at, zone)}`;
}

/** A time as clocks show it, wherever they are: `2027-03-29T09:30`. */
export function localDayAndTime(local: string): string {
  return dayAndTimeThere(Date.parse(`${local}Z`), 'UTC');
}

export function clockTime(iso: string): string {
  return exact.format(new Date(iso));
}

/** `4:05`, `1:02:03`: read as a length beside the word for it. */
export function duration(seconds: number): string {
  const two = (n: number) => String(n).padStart(2, '0');
  const [hours, minutes, rest] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  return hours > 0 ? `${hours}:${two(minutes)}:${two(rest)}` : `${minutes}:${two(rest)}`;
}

/** Up to two letters to stand for a person. */
export function initials(name: string): string {
  const words = name.trim().split(/\s+/).filter(Boolean);
  const [first, last] = [words[0], words.length > 1 ? words.at(-1) : undefined];
  return `${first ? [...first][0] : '?'}${last ? [...last][0] : ''}`.toUpperCase();
}
