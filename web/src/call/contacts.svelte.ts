/** The people of the domain and whether they can be rung. */
import type { DirectoryEntry, Person, Presence, TeamEntry, UserPresence } from '../api/types';

export class Contacts {
  loaded = $state(false);
  /** Error code of the last attempt to load. */
  failed = $state<string | undefined>();

  private directory = $state.raw<DirectoryEntry[]>([]);
  /** By userDbId, from frames alone; who is missing is offline. Nothing before the first frame. */
  private presences = $state.raw<ReadonlyMap<number, Presence> | undefined>();
  /** Frames are fresher than the directory's answer, however late that comes. */
  readonly users = $derived(this.directory.map((u) => ({ ...u, presence: this.presenceOf(u) })));

  private allTeams = $state.raw<TeamEntry[]>([]);
  /** By name, with who of them is there by now. */
  readonly teams = $derived(this.allTeams.map((team) => ({ ...team, there: this.thereOf(team) })));

  /** Whom frames named since the last load began. Its answer may not know them yet. */
  private named = new Set<number>();
  private pending = 0;
  /** Loads are numbered, so that an answer does not replace that of a later one. */
  private begun = 0;
  private shown = 0;
  /** Rises with each reset: what was asked for somebody else is not shown. */
  private owner = 0;

  constructor(
    private readonly fetch: () => Promise<DirectoryEntry[]>,
    private readonly fetchTeams: () => Promise<TeamEntry[]> = async () => [],
  ) {}

  async load(): Promise<void> {
    this.begun += 1;
    const load = this.begun;
    this.named.clear();
    this.pending += 1;
    void this.loadTeams();
    try {
      const users = await this.fetch();
      if (load > this.shown) this.show(load, users);
    } catch (error) {
      if (load > this.shown) this.failed = error instanceof Error && 'code' in error ? String(error.code) : 'internal';
    } finally {
      this.pending -= 1;
      this.loadNewcomers();
    }
  }

  /** Who is on shift or wants quiet is not told by frames: it is asked for again when teams are looked at. */
  async loadTeams(): Promise<void> {
    const owner = this.owner;
    try {
      const teams = await this.fetchTeams();
      if (owner === this.owner) this.allTeams = [...teams].sort((a, b) => a.name.localeCompare(b.name));
    } catch {
      // What was known of them stays.
    }
  }

  /** What was known holds until the complete frame comes, which replaces all of it. */
  welcome(resumed: boolean): void {
    // The directory can be out of date, too.
    if (!resumed && this.loaded) void this.load();
  }

  /** A complete frame names everybody who is not offline; the others are changes. */
  presence(users: UserPresence[], complete: boolean): void {
    const presences = new Map(complete ? [] : this.presences);
    for (const user of users) {
      presences.set(user.userDbId, user.presence);
      this.named.add(user.userDbId);
    }
    this.presences = presences;
    this.loadNewcomers();
  }

  /** Whether somebody in a call can be reached. Presence is fresher than the call's last change; guests have none. */
  online(person: Person): boolean {
    const { userDbId } = person.contact;
    const heard = typeof userDbId === 'number' ? this.presences?.get(userDbId) : undefined;
    const presence = heard ?? this.users.find((u) => u.userDbId === userDbId)?.presence;
    return presence ? presence !== 'offline' : person.online;
  }

  reset(): void {
    this.directory = [];
    this.allTeams = [];
    this.owner += 1;
    this.presences = undefined;
    this.named.clear();
    // What is still under way was asked for somebody else.
    this.shown = this.begun;
    this.loaded = false;
    this.failed = undefined;
  }

  private show(load: number, users: DirectoryEntry[]): void {
    this.shown = load;
    this.directory = sorted(users);
    this.loaded = true;
    this.failed = undefined;
  }

  private thereOf({ members, onlyOnShift }: TeamEntry): number {
    const isThere = (m: TeamEntry['members'][number]) =>
      this.presenceOf(m) !== 'offline' && !m.quiet && (m.onShift || !onlyOnShift);
    return members.filter(isThere).length;
  }

  private presenceOf(user: Pick<DirectoryEntry, 'userDbId' | 'presence'>): Presence {
    return this.presences ? (this.presences.get(user.userDbId) ?? 'offline') : user.presence;
  }

  /** A user not in the list was added since it was asked for. Asks once for each time somebody is named. */
  private loadNewcomers(): void {
    if (!this.loaded || this.pending > 0) return;
    const known = new Set(this.directory.map((u) => u.userDbId));
    const newcomers = [...this.named].some((user) => !known.has(user));
    this.named.clear();
    if (newcomers) void this.load();
  }
}

function sorted(users: DirectoryEntry[]): DirectoryEntry[] {
  return [...users].sort((a, b) => a.displayName.localeCompare(b.displayName));
}
