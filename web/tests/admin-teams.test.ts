import { beforeEach, describe, expect, it } from 'vitest';
import { TeamForm } from '../src/admin/team-form.svelte';
import { AdminTeams } from '../src/admin/teams.svelte';
import { RestError } from '../src/api/answer';
import type { TeamBody, TeamRecord, UserRecord } from '../src/api/types';

const team = (over: Partial<TeamRecord> = {}): TeamRecord => ({
  id: 7,
  name: 'Pumps',
  domain: 'd',
  members: [8, 9],
  ...over,
});
const user = (userDbId: number, displayName: string, userId = `u${userDbId}`): UserRecord => ({
  userDbId,
  userId,
  displayName,
  domain: 'd',
  roles: ['expert'],
  disabled: false,
});

describe('a team as it is entered', () => {
  let form: TeamForm;
  beforeEach(() => {
    form = new TeamForm();
  });

  it('goes back as it came, with what is not asked about', () => {
    const hours = { timeZone: 'Asia/Kolkata', spans: [{ days: ['monday' as const], from: '09:00', to: '18:00' }] };
    const ringing = {
      strategy: 'oneAfterAnother' as const,
      seconds: 45,
      onlyOnShift: true,
      hours,
      daysOff: ['2026-12-25'],
    };
    const profiles = [{ userDbId: 9, tags: ['de', 'hydraulics'], hours }];
    form.take(
      team({ ringing, profiles, nextTeam: 3 }),
      { escalateTo: 3, escalateSeconds: 10, expireSeconds: 90 },
      'UTC',
    );
    expect(form.body()).toEqual({ name: 'Pumps', members: [8, 9], ringing, profiles, nextTeam: 3 });
    expect(form.queue()).toEqual({ escalateTo: 3, escalateSeconds: 10, expireSeconds: 90 });
  });

  it('has people in an order, and what each of them can do', () => {
    form.take(team(), {}, 'UTC');
    form.add(5);
    form.add(5);
    form.moveUp(5);
    form.moveUp(8);
    expect(form.members.map(({ id }) => id)).toEqual([8, 5, 9]);
    form.remove(9);
    const [first] = form.members;
    if (first) first.tags = ' de,, Hydraulics ';
    expect(form.body().members).toEqual([8, 5]);
    expect(form.body().profiles).toEqual([{ userDbId: 8, tags: ['de', 'Hydraulics'] }]);
  });

  it('says what keeps it from being saved', () => {
    form.begin('Europe/Berlin');
    expect(form.wrong).toBe('team-name-missing');
    form.name = 'Pumps';
    expect(form.wrong).toBeUndefined();
    form.addDayOff('2026-12-25');
    expect(form.wrong).toBe('team-days-need-hours');
    form.hours.add();
    expect(form.wrong).toBeUndefined();
    form.escalateTo = 3;
    form.escalateMinutes = null;
    expect(form.wrong).toBe('team-escalate-missing');
  });

  it('asks for times only that the server takes', () => {
    form.take(team(), {}, 'UTC');
    form.seconds = 9_999;
    form.escalateTo = 3;
    form.escalateMinutes = 0.01;
    form.expireMinutes = 0.5;
    expect(form.body().ringing?.seconds).toBe(120);
    expect(form.queue()).toEqual({ escalateTo: 3, escalateSeconds: 10, expireSeconds: 60 });
    form.expireMinutes = null;
    form.escalateTo = undefined;
    expect(form.queue()).toEqual({ escalateTo: null, escalateSeconds: null, expireSeconds: null });
  });
});

describe('teams', () => {
  const rest = (over: object) => ({
    teams: async () => [team({ id: 8, name: 'Pumps' }), team({ id: 7, name: 'Night' })],
    users: async () => [user(9, 'Kim', 'kim2'), user(8, 'Kim', 'kim1')],
    createTeam: async (_: TeamBody) => team(),
    replaceTeam: async (_id: number, _: TeamBody) => team(),
    deleteTeam: async () => undefined,
    teamQueue: async () => ({}),
    setTeamQueue: async () => undefined,
    ...over,
  });

  it('are listed by name, and people of one name are told apart', async () => {
    const teams = new AdminTeams(rest({}));
    expect(teams.teams).toBeUndefined();
    await teams.load();
    expect(teams.teams?.map(({ name }) => name)).toEqual(['Night', 'Pumps']);
    expect(teams.names.get(8)).toBe('Kim (kim1)');
    expect(await teams.open(99)).toBeUndefined();
  });

  it('are not made twice where only their queue was refused', async () => {
    const asked: string[] = [];
    let refuses = true;
    const teams = new AdminTeams(
      rest({
        createTeam: async () => {
          asked.push('create');
          return team({ id: 5 });
        },
        replaceTeam: async (id: number) => {
          asked.push(`replace ${id}`);
          return team({ id });
        },
        setTeamQueue: async (id: number) => {
          asked.push(`queue ${id}`);
          if (refuses) throw new RestError('escalates_in_circles', undefined, '/escalateTo');
        },
      }),
    );
    const form = new TeamForm();
    form.begin('UTC');
    expect(await teams.save(form)).toBe(false);
    expect(teams.attempt.failed).toEqual({ code: 'escalates_in_circles', pointer: '/escalateTo' });
    refuses = false;
    expect(await teams.save(form)).toBe(true);
    expect(asked).toEqual(['create', 'queue 5', 'replace 5', 'queue 5']);
    expect(teams.attempt.failed).toBeUndefined();
  });
});
