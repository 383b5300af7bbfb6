import { describe, expect, it } from 'vitest';
import type { PersonState } from '../src/api/types';
import { mayManage, otherIn } from '../src/call/people';
import { person, view } from './fakes';

const among = (...states: PersonState[]) =>
  otherIn(view({ people: [person(1, 'joined'), ...states.map((state, i) => person(i + 2, state))] }))?.contact.id;

describe('the other one in a call', () => {
  it('is whoever is at the other end of the media', () => {
    const mediaPlan = { mode: 'p2p', epoch: 1, peer: 3, offerer: true } as const;
    const people = [person(1, 'joined'), person(2, 'joined'), person(3, 'reconnecting')];
    expect(otherIn(view({ people, mediaPlan }))?.contact.id).toBe(3);
  });

  it.each<[string, PersonState[], number]>([
    ['was in the call, not who was only rung for it', ['silenced', 'left'], 3],
    ['is there, not who has left', ['left', 'joined'], 3],
    ['still rings, not who has left', ['left', 'ringing'], 3],
    ['still rings, not who declined', ['declined', 'ringing'], 3],
    ['comes first, if nothing tells them apart', ['declined', 'declined'], 2],
    ['is no broker', ['broker', 'missed'], 3],
  ])('is who %s', (_, states, other) => {
    expect(among(...states)).toBe(other);
  });

  it('is nobody in a call with nobody else', () => {
    expect(among()).toBeUndefined();
  });
});

it('is the creator or an administrator who may change a planned call', () => {
  const call = view({ you: 2, creator: 1 });
  expect(mayManage(call, { roles: ['expert'] })).toBe(false);
  expect(mayManage(call, { roles: ['expert', 'admin'] })).toBe(true);
  expect(mayManage({ ...call, you: 1 }, { roles: ['technician'] })).toBe(true);
  expect(mayManage({ ...call, you: null }, undefined)).toBe(false);
});
