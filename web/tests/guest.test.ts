/** A guest's link, from the page's address to the way into the call. */
import { describe, expect, it } from 'vitest';
import { RestError } from '../src/api/client';
import type { GuestInvitation } from '../src/api/types';
import { GuestPass } from '../src/app/guest.svelte';

const INVITATION: GuestInvitation = {
  callId: 'c',
  callTitle: 'Pump 7',
  callStatus: 'Planned',
  from: 'Ada',
  displayName: 'Gil',
  plannedDateTime: null,
  plannedTimeZone: null,
};
const TERMS = { text: 'Be kind.', version: 'v1' };

/** Answers in turn, the last one for good. */
function pass(...answers: (GuestInvitation | RestError)[]) {
  const accepted: string[] = [];
  const next = async () => {
    const answer = answers.length > 1 ? answers.shift() : answers[0];
    if (answer instanceof RestError || !answer) throw answer;
    return answer;
  };
  const accept = (version: string) => {
    accepted.push(version);
    return next();
  };
  return { guest: new GuestPass('fhg_1', { look: next, accept }), accepted };
}

describe('a guest', () => {
  it('comes in where nothing has to be accepted, and need not be looked at twice', async () => {
    const { guest } = pass(INVITATION, new RestError('guest_link_revoked'));
    expect([guest.state, guest.mayEnter]).toEqual(['looking', false]);
    expect(await guest.look()).toBe('ok');
    expect(await guest.ensure(false)).toBe('ok');
    expect(guest.mayEnter).toBe(true);
    expect(await guest.ensure(true), 'once the server has refused it').toBe('signedOut');
    expect([guest.state, guest.failed]).toEqual(['dead', 'guest_link_revoked']);
  });

  it('accepts the terms that were shown, and sees others if they are others by now', async () => {
    const newer = { ...INVITATION, terms: { text: 'Be very kind.', version: 'v2' } };
    const { guest, accepted } = pass(
      { ...INVITATION, terms: TERMS },
      new RestError('terms_required'),
      newer,
      INVITATION,
    );
    expect(await guest.look()).toBe('signedOut');
    expect(guest.mayEnter).toBe(false);
    await guest.accept();
    expect(guest.invitation?.terms?.version).toBe('v2');
    expect(await guest.accept()).toBe('ok');
    expect(accepted).toEqual(['v1', 'v2']);
    expect(guest.mayEnter).toBe(true);
  });

  it('tries again what says nothing about the link', async () => {
    const { guest } = pass(new RestError('network'), INVITATION);
    expect(await guest.look()).toBe('retry');
    expect([guest.state, guest.failed]).toEqual(['looking', 'network']);
    expect(await guest.ensure(false)).toBe('ok');
    expect([guest.state, guest.failed]).toEqual(['invited', undefined]);
  });

  it('is told of every end of a link', async () => {
    for (const code of ['guest_link_unknown', 'guest_link_expired', 'call_ended', 'guests_not_allowed']) {
      const { guest } = pass(new RestError(code));
      expect(await guest.look()).toBe('signedOut');
      expect([guest.state, guest.failed]).toEqual(['dead', code]);
    }
  });
});
