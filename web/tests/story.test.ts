import { describe, expect, it } from 'vitest';
import type { CallLog } from '../src/api/types';
import { outcome, story, talkSeconds, withWhom } from '../src/call/story';
import { t } from '../src/i18n';
import { duration, initials } from '../src/i18n/format';

const contact = (id: number, displayName: string) => ({ id, displayName, userDbId: id, userId: `u${id}`, domain: 'd' });
const glasses = contact(1, 'Glasses 1');
const tester = contact(2, 'Tester');
const connector = contact(3, 'SAP');
const at = (second: number) => `2026-11-22T10:00:${String(second).padStart(2, '0')}.000Z`;

function log(over: Partial<CallLog> = {}): CallLog {
  return {
    id: 12,
    callId: 'c',
    callTitle: 'Pump 7',
    callReason: 'STANDARD',
    callType: 'MESH',
    callStatus: 'Ended',
    anonymousJoinAllow: false,
    joinAnonymousAllowed: false,
    informOthersDirectly: true,
    creatorUser: null,
    creatorContact: glasses,
    makerContact: glasses,
    invitedContacts: [tester],
    invitedTeams: [],
    plannedDateTime: null,
    createdDateTime: at(0),
    startedDateTime: at(0),
    endedDateTime: at(50),
    callEvents: [
      { id: 1, type: 'Created', contact: glasses, dateTime: at(0) },
      { id: 2, type: 'Join', contact: glasses, dateTime: at(0) },
      { id: 3, type: 'Join', contact: tester, dateTime: at(8) },
      { id: 4, type: 'Leave', contact: glasses, dateTime: at(50) },
      { id: 5, type: 'Leave', contact: tester, dateTime: at(50) },
      { id: 6, type: 'Ended', contact: glasses, dateTime: at(50) },
    ],
    callHistory: [
      { type: 'RingStarted', dateTime: at(0), contactId: 2 },
      { type: 'RingEnded', dateTime: at(8), contactId: 2, reason: 'joined' },
      { type: 'ConnectionLost', dateTime: at(20), contactId: 1 },
      { type: 'Reconnected', dateTime: at(23), contactId: 1 },
      { type: 'Ended', dateTime: at(50), reason: 'hungUp' },
    ],
    ...over,
  };
}

const told = (l: CallLog) => story(l).map((s) => t(s.id, s.args));

describe('a call in the history', () => {
  const words = (over: Partial<CallLog>) => {
    const { id, args } = outcome(log(over), (iso) => `<${iso}>`);
    return t(id, args);
  };
  const unanswered = log().callEvents.filter((event) => event.type !== 'Join');

  it.each<[string, Partial<CallLog>]>([
    ['Talked 0:42', {}],
    ['Going on', { callStatus: 'Started' }],
    // Not when it was made, which says nothing about when it will be.
    [`Planned for <${at(30)}>`, { callStatus: 'Planned', plannedDateTime: at(30) }],
    ['Not started', { callStatus: 'Planned' }],
    [
      'Nobody answered',
      { callEvents: unanswered, callHistory: [{ type: 'Ended', dateTime: at(50), reason: 'missed' }] },
    ],
    ['Declined', { callEvents: unanswered, callHistory: [{ type: 'Ended', dateTime: at(50), reason: 'declined' }] }],
  ])('reads %s', (sentence, over) => {
    expect(words(over)).toBe(sentence);
  });
});

describe('a call’s story', () => {
  it('of an answered call', () => {
    expect(told(log())).toEqual([
      'Glasses 1 made the call.',
      'Glasses 1 joined.',
      'Tester’s devices started ringing.',
      'Tester joined.',
      'Glasses 1 lost the connection.',
      'Glasses 1 was back.',
      'Glasses 1 left.',
      'Tester left.',
      'The call ended: somebody hung up.',
    ]);
  });

  it('of a brokered call says for whom', () => {
    expect(told(log({ makerContact: connector }))[0]).toBe('SAP made the call for Glasses 1.');
  });

  it('tells every kind of ending', () => {
    const reasons = [
      'hungUp',
      'endedForAll',
      'missed',
      'declined',
      'connectionLost',
      'alone',
      'nobodyCame',
      'cancelled',
      'new',
    ];
    const endings = reasons.map((reason) => {
      const l = log({
        callEvents: [{ id: 6, type: 'Ended', contact: glasses, dateTime: at(50) }],
        callHistory: [{ type: 'Ended', dateTime: at(50), reason }],
      });
      return told(l)[0];
    });
    expect(new Set(endings).size).toBe(reasons.length);
    expect(endings.at(-1)).toBe('The call ended.');
  });

  it('tells deliveries, and those nothing is set up for', () => {
    const callHistory = [
      { type: 'Notification', dateTime: at(1), contactId: 2, channel: 'email', state: 'sent' },
      { type: 'Notification', dateTime: at(1), contactId: 2, channel: 'sms', state: 'notConfigured' },
    ];
    expect(told(log({ callEvents: [], callHistory }))).toEqual([
      'Tester was told by e-mail.',
      'Tester could not be told: no sender is set up for that.',
    ]);
  });

  it('tells what becomes of messages, in the words of whoever refused them', () => {
    const item = (state: string, reason?: string) => ({
      ...{ type: 'Notification', dateTime: at(1), contactId: 2, channel: 'email', state },
      ...(reason && { reason }),
    });
    const callHistory = [
      ...[
        item('queued'),
        item('queued', '451 later'),
        item('failed', '550 nobody here'),
        item('delivered'),
        item('seen'),
      ],
      ...[
        item('uncertain', 'cut off'),
        item('expired'),
        item('heldBack', 'quietHours'),
        item('answered'),
        item('cancelled'),
      ],
    ];
    expect(told(log({ callEvents: [], callHistory })).map((line) => line.trim())).toEqual([
      'A message to Tester was not taken yet and is tried again: 451 later',
      'A message to Tester was refused: 550 nobody here',
      'The message to Tester arrived.',
      'Tester opened the message.',
      'A message to Tester may have been sent, or not: cut off',
      'A message to Tester could not be sent in time.',
      'Tester has quiet hours: a message was not sent.',
    ]);
  });

  it('names people as they were invited, where an event knows less', () => {
    const bare = { id: 2, userDbId: 2, userId: 'u2' };
    const callEvents = [{ id: 1, type: 'Join', contact: bare, dateTime: at(1) }];
    const callHistory = [{ type: 'Reconnected', dateTime: at(2), contactId: 2 }];
    expect(told(log({ callEvents, callHistory }))).toEqual(['u2 joined.', 'Tester was back.']);
  });

  it('tells what it does not know yet by its name', () => {
    const callEvents = [{ id: 1, type: 'Snapshot', contact: tester, dateTime: at(1) }];
    expect(told(log({ callEvents, callHistory: [] }))).toEqual(['Tester: Snapshot']);
  });
});

describe('in the list', () => {
  it('a call is named by everybody else in it', () => {
    expect(withWhom(log(), 1)).toEqual(['Tester']);
    expect(withWhom(log(), 2)).toEqual(['Glasses 1']);
  });

  it('talk begins with the second person', () => {
    expect(talkSeconds(log())).toBe(42);
    expect(talkSeconds(log({ callEvents: log().callEvents.slice(0, 2) }))).toBeUndefined();
  });

  it('lengths and initials are short', () => {
    expect([duration(42), duration(245), duration(3723)]).toEqual(['0:42', '4:05', '1:02:03']);
    expect([initials('Ada Lovelace'), initials('Tester'), initials('  '), initials('Jean Luc Picard')]).toEqual([
      'AL',
      'T',
      '?',
      'JP',
    ]);
  });
});
