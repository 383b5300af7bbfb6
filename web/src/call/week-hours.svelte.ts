/** Hours of every week on the clocks of one place, as they are being entered. */
import type { Weekday, WeekHours } from '../api/types';

export const DAYS: Weekday[] = ['monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday', 'sunday'];

export interface Row {
  days: Weekday[];
  from: string;
  to: string;
}

export class HoursForm {
  zone = $state('');
  rows = $state<Row[]>([]);

  readonly complete = $derived(this.rows.every(({ days, from, to }) => days.length > 0 && from && to));

  /** `usual`: what a new row says. */
  constructor(private readonly usual: Row) {}

  take(hours: WeekHours | null | undefined, zone: string): void {
    this.zone = hours?.timeZone ?? zone;
    // A field for times knows no 24:00; where it ends, the next day begins.
    this.rows = (hours?.spans ?? []).map(({ days, from, to }) => ({ days, from, to: to === '24:00' ? '00:00' : to }));
  }

  add(): void {
    this.rows.push({ ...this.usual, days: [...this.usual.days] });
  }

  remove(index: number): void {
    this.rows.splice(index, 1);
  }

  choose(row: Row, day: Weekday, on: boolean): void {
    row.days = DAYS.filter((known) => (known === day ? on : row.days.includes(known)));
  }

  /** Nothing where there are none. */
  get value(): WeekHours | undefined {
    if (this.rows.length === 0) return undefined;
    return { timeZone: this.zone, spans: this.rows.map((row) => ({ ...row })) };
  }
}
