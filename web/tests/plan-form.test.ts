import { beforeEach, describe, expect, it } from 'vitest';
import { PlanForm } from '../src/call/plan-form.svelte';
import { view } from './fakes';

const BERLIN = 'Europe/Berlin';
let now: number;
let keys: number;
let form: PlanForm;
beforeEach(() => {
  now = Date.parse('2027-03-27T10:20:00Z');
  keys = 0;
  form = new PlanForm(
    () => now,
    () => {
      keys += 1;
      return `key ${keys}`;
    },
  );
});

describe('the form of a planned call', () => {
  it('begins in the hour after the next, on the clocks of the place', () => {
    form.begin(BERLIN);
    expect([form.date, form.time, form.zone]).toEqual(['2027-03-27', '13:00', BERLIN]);
    expect(form.when).toEqual({ state: 'once' });
    expect(form.complete).toBe(true);
  });

  it('says what is wrong with a time', () => {
    form.begin(BERLIN);
    form.time = '';
    expect(form.when).toEqual({ state: 'missing' });
    form.time = '11:14';
    expect(form.when).toEqual({ state: 'past' });
    form.time = '11:15';
    expect(form.when).toEqual({ state: 'once' });
    form.date = '2027-03-28';
    form.time = '02:30';
    expect(form.when).toEqual({ state: 'skipped', instead: ['2027-03-28T01:30', '2027-03-28T03:30'] });
    expect(form.complete).toBe(false);
    form.zone = 'Asia/Kolkata';
    expect(form.when).toEqual({ state: 'once' });
  });

  it('asks which one of two it is', () => {
    form.begin(BERLIN);
    form.date = '2027-10-31';
    form.time = '02:30';
    expect(form.when).toMatchObject({ state: 'twice', which: [{ offset: '+02:00' }, { offset: '+01:00' }] });
    expect(form.complete).toBe(false);
    form.offset = '+01:00';
    expect(form.complete).toBe(true);
    expect(form.creation().plannedLocalTime).toBe('2027-10-31T02:30+01:00');
    // Another place has other offsets, and another day none to choose.
    form.zone = 'Europe/London';
    expect(form.creation().plannedLocalTime).toBe('2027-10-31T02:30');
    form.zone = BERLIN;
    form.date = '2027-11-01';
    expect(form.creation().plannedLocalTime).toBe('2027-11-01T02:30');
  });

  it('makes the request: two people talk directly, more through the server', () => {
    form.begin(BERLIN);
    form.title = '  Pump 7 ';
    form.chooseUser(8, true);
    const time = { useStoredAddresses: true, plannedLocalTime: '2027-03-27T13:00', plannedTimeZone: BERLIN };
    const direct = { callTitle: 'Pump 7', callType: 'MESH', invitedContacts: [{ userDbId: 8 }], invitedTeams: [] };
    expect(form.creation()).toEqual({ ...direct, ...time });
    form.chooseTeam(3, true);
    expect(form.creation()).toMatchObject({ callType: 'SFU', invitedTeams: [{ id: 3 }] });
    form.chooseTeam(3, false);
    form.chooseUser(9, true);
    form.title = ' ';
    const both = [{ userDbId: 8 }, { userDbId: 9 }];
    expect(form.creation()).toEqual({ callType: 'SFU', invitedContacts: both, invitedTeams: [], ...time });
  });

  it('has one key for one request, however often it is sent', () => {
    form.begin(BERLIN);
    expect([form.keyOf(form.creation()), form.keyOf(form.creation())]).toEqual(['key 1', 'key 1']);
    form.title = 'Another';
    expect(form.keyOf(form.creation())).toBe('key 2');
  });

  it('shows a call as it is planned, in the zone it was planned in', () => {
    const call = {
      ...view(),
      callTitle: 'Pump 7',
      plannedDateTime: '2027-10-31T01:30:00.000Z',
      plannedTimeZone: BERLIN,
    };
    form.take(call, 'Asia/Kolkata');
    expect([form.title, form.local, form.zone, form.offset]).toEqual(['Pump 7', '2027-10-31T02:30', BERLIN, '+01:00']);
    const time = { plannedLocalTime: '2027-10-31T02:30+01:00', plannedTimeZone: BERLIN };
    expect(form.update('c')).toEqual({ callId: 'c', callTitle: 'Pump 7', ...time });
    form.take({ ...call, plannedTimeZone: 'Mars/Base' }, 'Asia/Kolkata');
    expect([form.local, form.zone]).toEqual(['2027-10-31T07:00', 'Asia/Kolkata']);
    form.take({ ...call, plannedTimeZone: undefined }, 'UTC');
    expect([form.local, form.zone]).toEqual(['2027-10-31T01:30', 'UTC']);
  });
});
