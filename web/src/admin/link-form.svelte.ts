/** A public link for service requests as it is being entered. */
import type { NewRequestLink, RequestLinkRecord, TeamRef } from '../api/types';

export interface FieldRow {
  name: string;
  value: string;
}

/** What the server takes. */
export const MOST_TEAMS = 5;
export const MOST_FIELDS = 12;

export class LinkForm {
  name = $state('');
  title = $state('');
  /** By their ids. */
  teams = $state<number[]>([]);
  fields = $state<FieldRow[]>([]);
  /** On the clocks of this device, such as `2027-03-29T09:30`; nothing for ever. */
  ends = $state('');
  mostOpen = $state<number | null>(null);
  mostHourly = $state<number | null>(null);

  /** What keeps it from being saved, as the id of words. */
  readonly wrong = $derived.by(() => {
    if (!this.name.trim()) return 'link-name-missing';
    if (this.teams.length === 0) return 'link-team-missing';
    if (this.teams.length > MOST_TEAMS) return 'link-too-many-teams';
    if (this.fields.some(({ name, value }) => !name.trim() && value.trim())) return 'link-field-missing';
    return undefined;
  });

  /** What is wanted of the teams' people: it is not asked about here, and stays. */
  private tags = new Map<number, string[]>();

  take(link: RequestLinkRecord): void {
    this.name = link.name;
    this.title = link.callTitle ?? '';
    this.teams = link.teams.flatMap(({ id }) => (typeof id === 'number' ? [id] : []));
    this.tags = new Map(
      link.teams.flatMap(({ id, tags }) => (typeof id === 'number' && tags ? [[id, tags] as const] : [])),
    );
    this.fields = link.fields.map(({ name, value }) => ({ name, value: value ?? '' }));
    this.ends = link.expiresDateTime ? local(link.expiresDateTime) : '';
    this.mostOpen = link.mostOpen ?? null;
    this.mostHourly = link.mostHourly ?? null;
  }

  choose(team: number, on: boolean): void {
    this.teams = on ? [...this.teams, team] : this.teams.filter((known) => known !== team);
  }

  addField(): void {
    this.fields.push({ name: '', value: '' });
  }

  removeField(index: number): void {
    this.fields.splice(index, 1);
  }

  /** All of it: what is left empty is cleared. */
  body(): NewRequestLink {
    const team = (id: number): TeamRef => ({ id, tags: this.tags.get(id) ?? [] });
    const named = this.fields.filter(({ name }) => name.trim());
    return {
      name: this.name.trim(),
      callTitle: this.title.trim() || null,
      teams: this.teams.map(team),
      fields: named.map(({ name, value }) => ({ name: name.trim(), value: value.trim() || null })),
      expiresDateTime: this.ends ? new Date(this.ends).toISOString() : null,
      mostOpen: this.mostOpen || null,
      mostHourly: this.mostHourly || null,
    };
  }
}

/** What the clocks of this device show then. */
function local(iso: string): string {
  const at = new Date(iso);
  return new Date(at.getTime() - at.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}
