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
    contacts.presence([{ userDbId: 2, presence: 'inCall' }], true);
    expect(contacts.users.map((u) => u.presence)).toEqual(['offline', 'inCall']);
    contacts.presence([{ userDbId: 2, presence: 'offline' }], false);
    expect(contacts.users.map((u) => u.presence)).toEqual(['offline', 'offline']);
  });

  it('are asked for again when somebody unknown turns up', async () => {
    await contacts.load();
    directory = [...directory, entry(3, 'New', 'online')];
    contacts.presence([{ userDbId: 3, presence: 'online' }], true);
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
    contacts.presence([{ userDbId: 2, presence: 'online' }], true);
    expect(contacts.online(person(2, 'ringing', false))).toBe(true);
    expect(contacts.online(person(1, 'ringing', true))).toBe(false);
    expect(contacts.online(person(99, 'ringing', true))).toBe(true);
  });
});

describe('presence', () => {
  /** Loads under way, to be answered by hand. */
  let answers: ((users: DirectoryEntry[]) => void)[];
  beforeEach(() => {
    answers = [];
    contacts = new Contacts(() => new Promise((resolve) => answers.push(resolve)));
  });
  const answer = async (load: number, ...users: DirectoryEntry[]) => {
    answers[load]!(users);
    await settle();
  };
  const shown = () => contacts.users.map((u) => `${u.displayName} ${u.presence}`);

  it('that comes while the list loads is laid over the older answer', async () => {
    contacts.welcome(false);
    void contacts.load();
    contacts.presence([{ userDbId: 1, presence: 'inCall' }], true);
    contacts.presence([{ userDbId: 2, presence: 'online' }], false);
    await answer(0, entry(1, 'Ada'), entry(2, 'Tester'), entry(3, 'Zoe', 'online'));
    expect(shown()).toEqual(['Ada inCall', 'Tester online', 'Zoe offline']);
    expect(answers).toHaveLength(1);
  });

  it('is that of the list until the first frame', async () => {
    void contacts.load();
    await answer(0, entry(1, 'Ada', 'online'), entry(2, 'Tester'));
    expect(shown()).toEqual(['Ada online', 'Tester offline']);
  });

  it('counts in a call before the list is there', () => {
    contacts.presence([{ userDbId: 2, presence: 'online' }], true);
    expect(contacts.online(person(2, 'ringing', false))).toBe(true);
  });

  it.each([false, true])('starts anew with a complete frame after a welcome (resumed: %s)', async (resumed) => {
    void contacts.load();
    contacts.presence(
      [
        { userDbId: 1, presence: 'online' },
        { userDbId: 2, presence: 'online' },
      ],
      true,
    );
    await answer(0, entry(1, 'Ada', 'online'), entry(2, 'Tester', 'online'));
    contacts.welcome(resumed);
    contacts.presence([{ userDbId: 2, presence: 'inCall' }], true);
    contacts.presence([], false);
    expect(shown()).toEqual(['Ada offline', 'Tester inCall']);
    expect(answers).toHaveLength(resumed ? 1 : 2);
  });

  it('of somebody the answer under way does not know yet has the list loaded once more', async () => {
    void contacts.load();
    contacts.presence([{ userDbId: 3, presence: 'online' }], true);
    await answer(0, entry(1, 'Ada'));
    expect(answers).toHaveLength(2);
    await answer(1, entry(1, 'Ada'));
    expect(answers).toHaveLength(2);
  });
});

describe('an answer that comes late', () => {
  it('replaces neither that of a later load nor what another login sees', async () => {
    const answers: ((users: DirectoryEntry[]) => void)[] = [];
    contacts = new Contacts(() => new Promise((resolve) => answers.push(resolve)));
    void contacts.load();
    void contacts.load();
    answers[1]!([entry(1, 'Ada'), entry(3, 'New')]);
    await settle();
    answers[0]!([entry(1, 'Ada')]);
    await settle();
    expect(contacts.users).toHaveLength(2);

    void contacts.load();
    contacts.reset();
    answers[2]!([entry(1, 'Ada')]);
    await settle();
    expect([contacts.users, contacts.loaded]).toEqual([[], false]);
  });
});
