import { describe, expect, it } from 'vitest';
import type { Person, PersonState } from '../src/api/types';
import { canJoin, canRingAgain, nameOf, otherIn, uniqueLabels } from '../src/call/people';
import { phrase, serverLost } from '../src/call/phrase';
import type { Connection, Path } from '../src/call/session';
import { t } from '../src/i18n';
import { person, view } from './fakes';

const says = (state: PersonState, connection: Connection, path?: Path, online = true) => {
  const { id, args } = phrase(
    view({ people: [person(1, 'joined'), person(2, state, online)] }),
    connection,
    path,
    (p) => p.online,
  );
  return t(id, { ...args });
};

describe('how a call stands', () => {
  it('before anybody is there', () => {
    expect(says('ringing', 'none')).toBe('Ringing Person 2…');
    expect(says('ringing', 'none', undefined, false)).toContain('is not online');
    expect(says('waiting', 'none')).toBe('Waiting for Person 2…');
    expect(says('declined', 'none')).toBe('Person 2 declined');
    expect(says('missed', 'none')).toBe('Person 2 did not answer');
    expect(says('left', 'none')).toBe('Person 2 left the call');
  });

  it('while somebody is rung who cannot just answer', () => {
    const ringing = (over: Partial<Person>) => {
      const people = [person(1, 'joined'), { ...person(2, 'ringing'), ...over }];
      const { id, args } = phrase(view({ people }), 'none', undefined, (p) => p.online);
      return t(id, { ...args });
    };
    const at = { id: 'n', tries: 1, dateTime: '' };
    expect(ringing({ busy: true })).toContain('is in another call');
    expect(ringing({ busy: true, quiet: 'doNotDisturb' })).toContain('does not want to be disturbed');
    expect(ringing({ quiet: 'quietHours' })).toContain('has quiet hours');
    expect(ringing({ quiet: 'quietHours', online: false })).toContain('is not online');
    expect(ringing({ notifications: [{ ...at, channel: 'webSocket', state: 'seen' }] })).toBe(
      'Person 2 sees your call…',
    );
    expect(ringing({ notifications: [{ ...at, channel: 'email', state: 'seen' }] })).toBe('Ringing Person 2…');
  });

  it('while media flow, whatever the server hears of the other end', () => {
    expect(says('joined', 'connected', 'direct')).toBe('Connected directly');
    expect(says('reconnecting', 'connected', 'direct')).toBe('Connected directly');
    expect(says('joined', 'connected', 'relay')).toBe('Connected through a relay');
    expect(says('joined', 'connected')).toBe('Connected');
  });

  it('while they do not', () => {
    expect(says('joined', 'connecting')).toBe('Connecting…');
    expect(says('joined', 'reconnecting')).toBe('Reconnecting…');
    expect(says('reconnecting', 'reconnecting')).toContain('lost the connection');
  });

  it('through the server, where one may be connected and alone', () => {
    const mediaPlan = { mode: 'sfu', epoch: 1, peer: null, offerer: true } as const;
    const inSfu = (...states: PersonState[]) => {
      const people = [person(1, 'joined'), ...states.map((state, i) => person(i + 2, state))];
      const { id, args } = phrase(view({ people, mediaPlan }), 'connected', 'server', () => true);
      return t(id, { ...args });
    };
    expect(inSfu('joined')).toBe('Connected through the server');
    expect(inSfu('ringing')).toBe('Ringing Person 2…');
    expect(inSfu('left')).toBe('Person 2 left the call');
    expect(inSfu('reconnecting')).toContain('lost the connection');
    expect(inSfu('reconnecting', 'reconnecting')).toBe('Connected through the server');
    expect(inSfu('reconnecting', 'joined')).toBe('Connected through the server');
  });

  it('with nobody else in it', () => {
    expect(phrase(view({ people: [person(1, 'joined')] }), 'none', undefined, () => true).id).toBe('call-alone');
  });
});

describe('the people', () => {
  it('the other one is who the media go to, else who has joined', () => {
    const people = [person(1, 'joined'), person(2, 'ringing'), person(3, 'joined'), person(4, 'joined')];
    expect(otherIn(view({ people }))?.contact.id).toBe(3);
    const mediaPlan = { mode: 'p2p', epoch: 1, peer: 4, offerer: true } as const;
    expect(otherIn(view({ people, mediaPlan }))?.contact.id).toBe(4);
  });

  it('a broker is nobody to talk to, and cannot join', () => {
    const people = [person(1, 'broker'), person(2, 'ringing')];
    expect(otherIn(view({ people, you: 2 }))).toBeUndefined();
    expect(canJoin(view({ people, seat: 'none' }))).toBe(false);
    expect(canJoin(view({ seat: 'none' }))).toBe(true);
    expect(canJoin(view({ seat: 'here' }))).toBe(false);
    expect(canJoin(view({ seat: 'none', callStatus: 'Ended' }))).toBe(false);
  });

  it('who declined, missed it or left may be rung again, who rings or sits there not', () => {
    const states = ['waiting', 'ringing', 'joined', 'reconnecting', 'declined', 'missed', 'silenced', 'left'] as const;
    expect(states.filter((state) => canRingAgain(person(2, state)))).toEqual([
      'declined',
      'missed',
      'silenced',
      'left',
    ]);
  });

  it('labels that would be the same say what tells them apart', () => {
    const items = ['Ann/a1', 'Bob/b', 'Ann/a2'].map((text) => text.split('/'));
    const labels = uniqueLabels(
      items,
      (i) => i[0] ?? '',
      (i) => i[1] ?? '',
    );
    expect(labels).toEqual(['Ann (a1)', 'Bob', 'Ann (a2)']);
  });

  it('have a name, whatever is known of them', () => {
    expect([nameOf({ displayName: 'A', userId: 'a' }), nameOf({ email: 'x@y' }), nameOf(undefined)]).toEqual([
      'A',
      'x@y',
      '?',
    ]);
  });
});

describe('a lost server', () => {
  it.each([
    ['waiting', undefined, 'server-lost'],
    ['connecting', undefined, undefined],
    ['open', undefined, undefined],
    ['waiting', view(), 'server-lost-in-call'],
    ['connecting', view(), 'server-lost-in-call'],
    ['open', view(), undefined],
    ['refused', view(), 'server-refused'],
  ] as const)('while %s is told in a call as in one that is being started', (link, call, id) => {
    expect(serverLost(link, call)).toBe(id);
  });
});
