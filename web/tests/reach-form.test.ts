import { beforeEach, describe, expect, it } from 'vitest';
import type { Reach, Rung } from '../src/api/types';
import { ReachForm, untils } from '../src/call/reach-form.svelte';
import { DAYS } from '../src/call/week-hours.svelte';

const REQUEST: Rung = { channel: 'sms', address: 'request', afterSeconds: 0 };
const reach = (over: Partial<Reach> = {}): Reach => ({
  own: {},
  domainRungs: [REQUEST, { channel: 'email', address: 'stored', afterSeconds: 30 }],
  storedAddresses: 'ownClient',
  channels: ['email'],
  ...over,
});

describe('how one is reached', () => {
  let form: ReachForm;
  beforeEach(() => {
    form = new ReachForm();
  });

  it('is as the domain has it until one says otherwise', () => {
    form.take(reach(), 'UTC');
    expect(form.own).toBe(false);
    expect(form.steps.map(({ channel, on, after }) => [channel, on, after])).toEqual([
      ['push', false, 0],
      ['email', true, 30],
      ['sms', false, 15],
    ]);
    expect(form.rungs()).toEqual({ rungs: null });
  });

  it('is written to in a language of one’s own, or as is usual', () => {
    form.take(reach({ own: { language: 'de' } }), 'UTC');
    expect([form.language, form.spoken()]).toEqual(['de', { language: 'de' }]);
    form.language = '';
    expect(form.spoken()).toEqual({ language: null });
  });

  it('keeps what is not asked about when one says otherwise', () => {
    form.take(reach(), 'UTC');
    form.own = true;
    for (const step of form.steps) step.on = step.channel !== 'email';
    expect(form.rungs()).toEqual({
      rungs: [REQUEST, { channel: 'push', afterSeconds: 0 }, { channel: 'sms', address: 'stored', afterSeconds: 15 }],
    });
  });

  it('takes seconds only that can be', () => {
    form.take(reach({ own: { rungs: [] } }), 'UTC');
    expect(form.own).toBe(true);
    const limited = (seconds: number) => {
      form.steps = [{ channel: 'push', on: true, after: seconds }];
      return form.rungs().rungs?.[0]?.afterSeconds;
    };
    // What an emptied field gives is none.
    expect([limited(-5), limited(5.4), limited(9_999), limited(Number.NaN)]).toEqual([0, 5, 600, 0]);
  });
});

describe('quiet hours', () => {
  it('are entered row by row', () => {
    const form = new ReachForm();
    form.take(reach(), 'Europe/Berlin');
    expect(form.hours()).toEqual({ quietHours: null });
    const { week } = form;
    week.add();
    week.add();
    week.remove(0);
    const [row] = week.rows;
    if (!row) throw new Error('no row');
    week.choose(row, 'sunday', false);
    week.choose(row, 'monday', false);
    week.choose(row, 'monday', true);
    const days = DAYS.filter((day) => day !== 'sunday');
    const spans = [{ days, from: '22:00', to: '06:00' }];
    expect(form.hours()).toEqual({ quietHours: { timeZone: 'Europe/Berlin', spans } });
    expect(week.complete).toBe(true);
    row.to = '';
    expect(week.complete).toBe(false);
  });

  it('come back as they were set, in their own zone', () => {
    const form = new ReachForm();
    const spans = [{ days: DAYS.slice(5), from: '00:00', to: '24:00' }];
    form.take(reach({ own: { quietHours: { timeZone: 'Asia/Kolkata', spans } } }), 'UTC');
    expect(form.hours().quietHours).toEqual({
      timeZone: 'Asia/Kolkata',
      spans: [{ days: ['saturday', 'sunday'], from: '00:00', to: '00:00' }],
    });
  });
});

it('one is left alone for a while, or until the next morning', () => {
  const now = new Date(2027, 2, 27, 22, 30).getTime();
  const [half, hour, morning] = untils(now).map(({ until }) => Date.parse(until));
  expect([(half ?? 0) - now, (hour ?? 0) - now]).toEqual([1_800_000, 3_600_000]);
  expect(new Date(morning ?? 0)).toEqual(new Date(2027, 2, 28, 8, 0));
});
