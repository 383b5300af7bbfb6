/** At a call's door: asking to be let in, and going on asking. */
import { describe, expect, it } from 'vitest';
import { RestError } from '../src/api/client';
import type { Knocked, KnockRequest, OpenCall } from '../src/api/types';
import { Door } from '../src/app/door.svelte';
import { FakeClock, settle } from './fakes';

const CALL: OpenCall = {
  callTitle: 'Pump 7',
  callStatus: 'Started',
  from: 'Ada',
  plannedDateTime: null,
  plannedTimeZone: null,
};
const TERMS = { text: 'Be kind.', version: 'v1' };
const WAITING: Knocked = { state: 'waiting', hosted: true };
const LINK = 'https://x.org/join#fhg_1';

type Next = Knocked | RestError;

/** Each knock waits until it is answered. */
function front(call: OpenCall | RestError = CALL, store = new Map<string, string>()) {
  const knocks: KnockRequest[] = [];
  const answers: ((next: Next) => void)[] = [];
  const admitted: [string, boolean][] = [];
  const left: string[] = [];
  const clock = new FakeClock();
  let ids = 0;
  const shown = { call };
  const door = new Door('fhc_1', {
    look: async () => {
      if (shown.call instanceof RestError) throw shown.call;
      return shown.call;
    },
    knock: (request) => {
      knocks.push(request);
      return new Promise((resolve, reject) =>
        answers.push((next) => (next instanceof RestError ? reject(next) : resolve(next))),
      );
    },
    leave: async (id) => left.push(id),
    clock,
    storage: {
      getItem: (key) => store.get(key) ?? null,
      setItem: (key, value) => void store.set(key, value),
      removeItem: (key) => void store.delete(key),
    },
    newId: () => `id ${++ids}`,
    admitted: (link, camera) => admitted.push([link, camera]),
  });
  const answer = async (next: Next) => {
    answers.shift()?.(next);
    await settle();
  };
  return { door, knocks, answer, admitted, left, clock, store, shown };
}

describe('somebody at a door', () => {
  it('is told at once that the knock is heard, and then whenever there is news', async () => {
    const { door, knocks, answer, admitted } = front();
    await door.look();
    expect(door.state).toBe('open');
    void door.knock('Vera', true);
    await answer({ ...WAITING, hosted: false });
    expect([door.state, door.hosted]).toEqual(['waiting', false]);
    await answer(WAITING);
    expect(door.hosted).toBe(true);
    await answer({ state: 'admitted', hosted: true, link: LINK });
    expect([door.state, admitted]).toEqual(['admitted', [[LINK, true]]]);
    expect(knocks.map(({ knockId, hosted }) => [knockId, hosted])).toEqual([
      ['id 1', undefined],
      ['id 1', false],
      ['id 1', true],
    ]);
    expect(knocks[0], 'no more than the server asks for').not.toHaveProperty('camera');
  });

  it('goes on asking through a bad network and a restart of the server', async () => {
    const { door, knocks, answer, clock } = front();
    await door.look();
    void door.knock('Vera', false);
    await answer(WAITING);
    await answer(new RestError('network'));
    expect([door.state, door.failed, knocks.length]).toEqual(['waiting', 'network', 2]);
    await clock.advance(2_000);
    expect(knocks[2], 'answered at once').not.toHaveProperty('hosted');
    await answer(WAITING);
    expect([door.state, door.failed]).toEqual(['waiting', undefined]);
  });

  it('is the same person after the page was loaded again', async () => {
    const first = front();
    await first.door.look();
    void first.door.knock('Vera', true);
    await first.answer(WAITING);
    const second = front(CALL, first.store);
    void second.door.look();
    await settle();
    expect(second.knocks[0]).toMatchObject({ knockId: 'id 1', displayName: 'Vera' });
    await second.answer({ state: 'admitted', hosted: true, link: LINK });
    expect(second.admitted).toEqual([[LINK, true]]);
    expect(second.store.size).toBe(0);
  });

  it('is told when it is refused, and asks no more', async () => {
    const { door, knocks, answer, store } = front();
    await door.look();
    void door.knock('Vera', true);
    await answer({ state: 'refused', hosted: true });
    expect([door.state, knocks.length, store.size]).toEqual(['refused', 1, 0]);
  });

  it('goes away, and what is answered later is void', async () => {
    const { door, answer, left, admitted, knocks } = front();
    await door.look();
    void door.knock('Vera', true);
    await answer(WAITING);
    await door.goAway();
    expect([door.state, left]).toEqual(['open', ['id 1']]);
    await answer({ state: 'admitted', hosted: true, link: LINK });
    expect([door.state, admitted, knocks.length]).toEqual(['open', [], 2]);
  });

  it('accepts the terms before it knocks, and others that came since', async () => {
    const { door, knocks, answer, shown } = front({ ...CALL, terms: TERMS });
    await door.look();
    expect(door.terms).toEqual(TERMS);
    door.accept();
    expect(door.terms).toBeUndefined();
    void door.knock('Vera', true);
    shown.call = { ...CALL, terms: { text: 'Be very kind.', version: 'v2' } };
    await answer(new RestError('terms_required'));
    expect(knocks[0]?.termsVersion).toBe('v1');
    expect([door.state, door.terms?.version]).toEqual(['open', 'v2']);
  });

  it('reads why it cannot knock', async () => {
    for (const [code, state] of [
      ['lobby_full', 'open'],
      ['call_ended', 'dead'],
      ['guest_link_revoked', 'dead'],
      ['anonymous_not_allowed', 'dead'],
    ]) {
      const { door, answer } = front();
      await door.look();
      void door.knock('Vera', true);
      await answer(new RestError(code ?? ''));
      expect([door.state, door.failed]).toEqual([state, code]);
    }
    const { door } = front(new RestError('guest_link_expired'));
    await door.look();
    expect([door.state, door.failed]).toEqual(['dead', 'guest_link_expired']);
  });
});
