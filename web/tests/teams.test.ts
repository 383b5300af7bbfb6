import { describe, expect, it } from 'vitest';
import type { Reach, TeamEntry } from '../src/api/types';
import { Contacts } from '../src/call/contacts.svelte';
import { ReachForm } from '../src/call/reach-form.svelte';
import { callTo, invitation } from '../src/call/whom';
import { settle } from './fakes';

type Member = TeamEntry['members'][number];
const member = (userDbId: number, over: Partial<Member> = {}): Member => ({
  userDbId,
  displayName: `M${userDbId}`,
  presence: 'offline',
  onShift: true,
  ...over,
});

const entry = (id: number, name: string, members: Member[], onlyOnShift = false): TeamEntry => ({
  id,
  name,
  domain: 'd',
  strategy: 'all',
  onlyOnShift,
  there: 0,
  members,
});

describe('teams', () => {
  it('count who is there, by the frames that have come since', async () => {
    const members = [
      member(1, { presence: 'online' }),
      member(2, { quiet: 'doNotDisturb' }),
      member(3, { onShift: false }),
      member(4),
    ];
    const all = [entry(8, 'Pumps', members), entry(7, 'Night', members, true)];
    const contacts = new Contacts(
      async () => [],
      async () => all,
    );
    await contacts.load();
    await settle();
    const there = () => contacts.teams.map(({ name, there }) => [name, there]);
    expect(there()).toEqual([
      ['Night', 1],
      ['Pumps', 1],
    ]);
    const online = [1, 2, 3, 4].map((userDbId) => ({ userDbId, presence: 'online' as const }));
    contacts.presence(online, true);
    expect(there()).toEqual([
      ['Night', 2],
      ['Pumps', 3],
    ]);
    contacts.presence([{ userDbId: 4, presence: 'inCall' }], false);
    expect(there()[1]).toEqual(['Pumps', 3]);
    contacts.presence([{ userDbId: 4, presence: 'offline' }], false);
    expect(there()[1]).toEqual(['Pumps', 2]);
  });

  it('of somebody who has signed out are not shown to the next', async () => {
    let answer = (_: TeamEntry[]): void => undefined;
    const contacts = new Contacts(
      async () => [],
      () => new Promise((resolve) => (answer = resolve)),
    );
    void contacts.load();
    contacts.reset();
    answer([entry(7, 'Night', [])]);
    await settle();
    expect(contacts.teams).toEqual([]);
  });

  it('stay when they cannot be asked for again', async () => {
    let fails = false;
    const contacts = new Contacts(
      async () => [],
      async () => {
        if (fails) throw new Error('network');
        return [entry(7, 'Night', [])];
      },
    );
    await contacts.load();
    await settle();
    fails = true;
    await contacts.loadTeams();
    expect(contacts.teams).toHaveLength(1);
  });
});

describe('a call', () => {
  it('is for a person, a guest or a team', () => {
    expect(invitation({ userDbId: 8 })).toEqual({ invitedContacts: [{ userDbId: 8 }] });
    expect(invitation({ email: 'gil@example.org' })).toEqual({ invitedContacts: [{ email: 'gil@example.org' }] });
    expect(callTo({ id: 7, name: 'Night' })).toEqual({
      callType: 'MESH',
      invitedTeams: [{ id: 7 }],
      useStoredAddresses: true,
    });
  });
});

describe('the team behind somebody', () => {
  const reach = (rungs: Reach['domainRungs']): Reach => ({
    own: { rungs },
    domainRungs: [],
    storedAddresses: 'ownClient',
    channels: [],
  });

  it('is kept, changed and taken away', () => {
    const form = new ReachForm();
    form.take(reach([{ channel: 'team', team: 7, afterSeconds: 20 }]), 'UTC');
    expect(form.team).toEqual({ on: true, id: 7, after: 20 });
    form.team.after = 9_999;
    expect(form.rungs()).toEqual({ rungs: [{ channel: 'team', team: 7, afterSeconds: 600 }] });
    form.team.on = false;
    expect(form.rungs()).toEqual({ rungs: [] });
  });

  it('must have been chosen', () => {
    const form = new ReachForm();
    form.take(reach([]), 'UTC');
    expect(form.team).toEqual({ on: false, id: undefined, after: 30 });
    form.team.on = true;
    expect(form.rungs()).toEqual({ rungs: [] });
  });
});
