/** The people of the domain and whether they can be rung. */
import type { DirectoryEntry, Person, Presence, UserPresence } from '../api/types';

export class Contacts {
  users = $state.raw<DirectoryEntry[]>([]);
  loaded = $state(false);
  /** Error code of the last attempt to load. */
  failed = $state<string | undefined>();

  constructor(private readonly fetch: () => Promise<DirectoryEntry[]>) {}

  async load(): Promise<void> {
    try {
      this.users = sorted(await this.fetch());
      this.loaded = true;
      this.failed = undefined;
    } catch (error) {
      this.failed = error instanceof Error && 'code' in error ? String(error.code) : 'internal';
    }
  }

  /** Whoever changed. A user not in the list yet was added since it was loaded. */
  presence(changes: UserPresence[]): void {
    const presence = new Map<number, Presence>(changes.map((c) => [c.userDbId, c.presence]));
    const known = new Set(this.users.map((u) => u.userDbId));
    this.users = this.users.map((u) => ({ ...u, presence: presence.get(u.userDbId) ?? u.presence }));
    if (this.loaded && changes.some((c) => !known.has(c.userDbId))) void this.load();
  }

  /** Whether somebody in a call can be reached. Presence is fresher than the call's last change; guests have none. */
  online(person: Person): boolean {
    const user = this.users.find((u) => u.userDbId === person.contact.userDbId);
    return user ? user.presence !== 'offline' : person.online;
  }

  reset(): void {
    this.users = [];
    this.loaded = false;
    this.failed = undefined;
  }
}

function sorted(users: DirectoryEntry[]): DirectoryEntry[] {
  return [...users].sort((a, b) => a.displayName.localeCompare(b.displayName));
}
