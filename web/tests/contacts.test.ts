import { beforeEach, describe, expect, it } from 'vitest';
import type { DirectoryEntry } from '../src/api/types';
import { Contacts } from '../src/call/contacts.svelte';
import { person, settle } from './fakes';

const entry = (
  userDbId: number,
  displayName: string,
  presence: DirectoryEntry['presence'] = 'offline',
): DirectoryEntry => ({
  userDbId,
  userId: `u${userDbId}`,
  displayName,
  domain: 'd',
  roles: ['expert'],
  presence,
});

let directory: DirectoryEntry[];
let loads: number;
let contacts: Contacts;
beforeEach(() => {
  directory = [entry(2, 'Tester'), entry(1, 'Ada')];
  loads = 0;
  contacts = new Contacts(async () => {
    loads += 1;
    return directory;
  });
});

describe('the contacts', () => {
  it('are in order of their names', async () => {
    await contacts.load();
    expect(contacts.users.map((u) => u.displayName)).toEqual(['Ada', 'Tester']);
  });

  it('follow who comes and goes', async () => {
    await contacts.load();
    contacts.presence([{ userDbId: 2, presence: 'inCall' }]);
    expect(contacts.users.map((u) => u.presence)).toEqual(['offline', 'inCall']);
    contacts.presence([{ userDbId: 2, presence: 'offline' }]);
    expect(contacts.users.map((u) => u.presence)).toEqual(['offline', 'offline']);
  });

  it('are asked for again when somebody unknown turns up', async () => {
    await contacts.load();
    directory = [...directory, entry(3, 'New', 'online')];
    contacts.presence([{ userDbId: 3, presence: 'online' }]);
    await settle();
    expect(loads).toBe(2);
    expect(contacts.users).toHaveLength(3);
  });

  it('keep the words of a failure until they are there', async () => {
    const failing = new Contacts(() => Promise.reject(Object.assign(new Error(), { code: 'network' })));
    await failing.load();
    expect([failing.loaded, failing.failed]).toEqual([false, 'network']);
  });

  it('know better than an old call frame who is online', async () => {
    await contacts.load();
    contacts.presence([{ userDbId: 2, presence: 'online' }]);
    expect(contacts.online(person(2, 'ringing', false))).toBe(true);
    expect(contacts.online(person(1, 'ringing', true))).toBe(false);
    expect(contacts.online(person(99, 'ringing', true))).toBe(true);
  });
});
