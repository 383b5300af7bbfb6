/** A call's story: its events and its history as sentences in the order they happened. Words live in the translations. */
import type { CallLog, Contact } from '../api/types';
import { duration } from '../i18n/format';
import { nameOf } from './people';

export interface Sentence {
  at: string;
  id: string;
  args: Record<string, string>;
}

const EVENTS: Record<string, string> = {
  Created: 'story-created',
  Join: 'story-join',
  Leave: 'story-leave',
  Declined: 'story-declined',
  Missed: 'story-missed',
  TypeChanged: 'story-type-changed',
  Claimed: 'story-claimed',
};

const ENDED: Record<string, string> = {
  hungUp: 'story-ended-hung-up',
  endedForAll: 'story-ended-for-all',
  missed: 'story-ended-missed',
  declined: 'story-ended-declined',
  connectionLost: 'story-ended-connection-lost',
  alone: 'story-ended-alone',
  nobodyCame: 'story-ended-nobody-came',
  cancelled: 'story-ended-cancelled',
  expired: 'story-ended-expired',
};

/** Why nobody talked. */
const NEVER_HELD: Record<string, string> = {
  declined: 'was-declined',
  cancelled: 'was-cancelled',
  expired: 'was-expired',
};

const HISTORY: Record<string, string> = {
  RingStarted: 'story-ring-started',
  RingDelivered: 'story-ring-delivered',
  RingSeen: 'story-ring-seen',
  ConnectionLost: 'story-connection-lost',
  Reconnected: 'story-reconnected',
  SeatMoved: 'story-seat-moved',
  Invited: 'story-invited',
  Updated: 'story-updated',
  Renamed: 'story-renamed',
  LinkRevoked: 'story-link-revoked',
  InvitationResent: 'story-resent',
  TermsAccepted: 'story-terms-accepted',
  NextInTeam: 'story-next-in-team',
  FallbackTeam: 'story-fallback-team',
  NobodyInTeam: 'story-nobody-in-team',
  Escalated: 'story-escalated',
  ClaimLapsed: 'story-claim-lapsed',
  CallBackPromised: 'story-call-back',
  CallBackDue: 'story-call-back-due',
  RequestedByLink: 'story-by-link',
  HandOver: 'story-hand-over',
  HandedOver: 'story-handed-over',
  HandOverFailed: 'story-hand-over-failed',
  Note: 'story-note',
};

const CHANNELS: Record<string, string> = { email: 'story-email', sms: 'story-sms', push: 'story-push' };

/** What becomes of messages, but for those that were sent; a state that follows from an event is told by that. */
const MESSAGES: Record<string, string | undefined> = {
  queued: 'story-message-again',
  delivered: 'story-message-delivered',
  seen: 'story-message-seen',
  failed: 'story-message-failed',
  uncertain: 'story-message-uncertain',
  expired: 'story-message-expired',
  heldBack: 'story-message-held-back',
  notConfigured: 'story-not-configured',
  answered: undefined,
  cancelled: undefined,
};

/** Ring ends that an event (Join, Declined, Missed) does not tell already. */
const RING_ENDS: Record<string, string> = {
  takenByOther: 'story-ring-taken',
  callEnded: 'story-ring-call-ended',
  notThere: 'story-ring-not-there',
  undisturbed: 'story-ring-undisturbed',
};

export function story(log: CallLog): Sentence[] {
  const names = contactNames(log);
  const ended = log.callHistory.find((item) => item.type === 'Ended');
  const sentences: Sentence[] = [];
  for (const event of log.callEvents) {
    const args = { name: nameOf(event.contact), creator: nameOf(log.creatorContact) };
    if (event.type === 'Ended') {
      sentences.push({ at: event.dateTime, id: ENDED[ended?.reason ?? ''] ?? 'story-ended', args });
    } else if (event.type === 'Created' && broker(log)) {
      const maker = nameOf(log.makerContact);
      sentences.push({ at: event.dateTime, id: 'story-created-for', args: { ...args, maker } });
    } else {
      const id = EVENTS[event.type] ?? 'story-other';
      sentences.push({ at: event.dateTime, id, args: { ...args, type: event.type } });
    }
  }
  for (const item of log.callHistory) {
    const id = historyId(item);
    if (!id) continue;
    const name = (item.contactId && names.get(item.contactId)) || '?';
    sentences.push({ at: item.dateTime, id, args: { name, type: item.type, reason: item.reason ?? '' } });
  }
  // Stable: within a millisecond the events stay in their order, and before what followed from them.
  return sentences.sort((a, b) => Date.parse(a.at) - Date.parse(b.at));
}

function historyId(item: CallLog['callHistory'][number]): string | undefined {
  // Told with the event of the same name.
  if (item.type === 'Ended') return undefined;
  if (item.type === 'RingEnded') return RING_ENDS[item.reason ?? ''];
  if (item.type !== 'Notification') return HISTORY[item.type] ?? 'story-other';
  // Born, and not sent yet.
  if (item.state === 'queued' && !item.reason) return undefined;
  if (item.state && item.state in MESSAGES) return MESSAGES[item.state];
  return CHANNELS[item.channel ?? ''] ?? 'story-other';
}

function broker(log: CallLog): boolean {
  return log.makerContact.id !== log.creatorContact.id;
}

function contactNames(log: CallLog): Map<number, string> {
  const people: Contact[] = [
    log.creatorContact,
    log.makerContact,
    ...log.invitedContacts,
    ...log.callEvents.map((e) => e.contact),
  ];
  const names = new Map<number, string>();
  // An event's contact may carry less than the invited one: the first name found stays.
  for (const contact of people) {
    if (typeof contact.id === 'number' && !names.has(contact.id)) names.set(contact.id, nameOf(contact));
  }
  return names;
}

/** How the call stands or went, in a few words; `when` writes a time. */
export function outcome(log: CallLog, when: (iso: string) => string): { id: string; args: Record<string, string> } {
  if (log.callStatus === 'Planned') {
    const at = log.plannedDateTime;
    return at ? { id: 'status-planned-for', args: { when: when(at) } } : { id: 'status-planned', args: {} };
  }
  if (log.callStatus === 'Started') return { id: 'status-started', args: {} };
  const seconds = talkSeconds(log);
  if (seconds !== undefined) return { id: 'talked', args: { length: duration(seconds) } };
  const ended = log.callHistory.find((item) => item.type === 'Ended');
  return { id: NEVER_HELD[ended?.reason ?? ''] ?? 'not-answered', args: {} };
}

/** Who the call was with, for a list: everybody but oneself. */
export function withWhom(log: CallLog, me: number): string[] {
  const seen = new Map<string, string>();
  for (const contact of [log.creatorContact, ...log.invitedContacts]) {
    if (contact.userDbId !== me) seen.set(String(contact.id ?? contact.userDbId), nameOf(contact));
  }
  return [...seen.values()];
}

/** Seconds from the second person's joining to the end; undefined where nobody talked. */
export function talkSeconds(log: CallLog): number | undefined {
  const joins = log.callEvents.filter((e) => e.type === 'Join');
  const people = new Map(joins.map((e) => [e.contact.id, e]));
  if (people.size < 2 || !log.endedDateTime) return undefined;
  const first = joins[0]?.contact.id;
  const second = joins.find((e) => e.contact.id !== first);
  return second && Math.max(0, Math.round((Date.parse(log.endedDateTime) - Date.parse(second.dateTime)) / 1000));
}
