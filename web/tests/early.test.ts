/** Whoever is early comes in by itself. */
import { describe, expect, it } from 'vitest';
import type { CallView, Ring } from '../src/api/types';
import { Early } from '../src/call/early.svelte';

function early() {
  const done: string[] = [];
  const calls = {
    inCall: false,
    rings: new Map<string, Ring>(),
    known: new Map<string, CallView>(),
    accept: (ring: Ring, camera: boolean) => done.push(`accept ${ring.callId} ${camera}`),
    join: (callId: string, label: string, camera: boolean) => done.push(`join ${callId} as ${label} ${camera}`),
  };
  const early = new Early(calls);
  return { early, calls, done };
}

const planned = (callStatus: CallView['callStatus']) =>
  ({ callId: 'c', callStatus, plannedDateTime: '2027-11-23T09:30:00Z' }) as CallView;

describe('whoever is early', () => {
  it('comes in once somebody is in the call, and once only', () => {
    const { early: own, calls, done } = early();
    calls.known.set('c', planned('Planned'));
    expect(own.due, 'nobody has asked for it').toBeUndefined();
    own.wish = { callId: 'c', label: 'Ada', camera: false };
    expect([own.due, own.waitsFor('c'), own.waitsFor('d')]).toEqual([undefined, true, false]);
    calls.known.set('c', planned('Started'));
    own.due?.();
    own.due?.();
    expect(done).toEqual(['join c as Ada false']);
  });

  it('answers the ring of the beginning', () => {
    const { early: own, calls, done } = early();
    own.wish = { callId: 'c', label: 'Ada', camera: true };
    calls.rings.set('c', { callId: 'c' } as Ring);
    own.due?.();
    expect(done).toEqual(['accept c true']);
  });

  it('waits for nothing where no time is planned', () => {
    const { early: own, calls, done } = early();
    own.wish = { callId: 'c', label: 'Ada', camera: true };
    calls.known.set('c', { ...planned('Planned'), plannedDateTime: null });
    own.due?.();
    expect(done).toEqual(['join c as Ada true']);
  });

  it('leaves no call for it, and comes to none that is over', () => {
    const { early: own, calls } = early();
    own.wish = { callId: 'c', label: 'Ada', camera: true };
    calls.known.set('c', planned('Ended'));
    expect(own.due).toBeUndefined();
    calls.known.set('c', planned('Started'));
    calls.inCall = true;
    expect(own.due).toBeUndefined();
  });
});
