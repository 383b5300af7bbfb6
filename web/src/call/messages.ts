/** What became of messages to somebody, in words. */
import type { Notification, Person } from '../api/types';

export interface Told {
  /** Names of texts. */
  channel: string;
  state: string;
  args: { reason: string };
  /** Somebody ought to look at it. */
  bad: boolean;
}

/** A ring on somebody's open pages. */
const RING = 'webSocket';
const PUSH = 'push';
const CHANNELS: Record<string, string> = { email: 'message-email', sms: 'message-sms', push: 'message-push' };
const STATES: Record<string, string> = {
  queued: 'message-queued',
  sending: 'message-sending',
  sent: 'message-sent',
  delivered: 'message-delivered',
  seen: 'message-seen',
  answered: 'message-answered',
  failed: 'message-failed',
  uncertain: 'message-uncertain',
  expired: 'message-expired',
  cancelled: 'message-cancelled',
  notConfigured: 'message-not-configured',
  heldBack: 'message-held-back',
};
const BAD = new Set(['failed', 'uncertain', 'expired', 'notConfigured']);

/** What was sent to somebody; a ring on pages is told with the person's state. Of several browsers that were told the same, one is enough. */
export function messagesTo({ notifications }: Pick<Person, 'notifications'>): Notification[] {
  const messages = (notifications ?? []).filter(({ channel }) => channel !== RING);
  const same = (one: Notification, other: Notification) =>
    one.channel === PUSH && other.channel === PUSH && one.state === other.state && one.reason === other.reason;
  return messages.filter((message, index) => !messages.slice(0, index).some((earlier) => same(earlier, message)));
}

/** How far the ring on somebody's pages has come, where that is worth a word. */
export function ringOf({ state, notifications }: Pick<Person, 'state' | 'notifications'>): string | undefined {
  const ring = notifications?.find(({ channel }) => channel === RING)?.state;
  if (state === 'missed') return ring === 'expired' ? 'ring-expired' : undefined;
  if (state !== 'ringing') return undefined;
  return ring === 'seen' ? 'ring-seen' : ring === 'delivered' ? 'ring-delivered' : undefined;
}

export function told({ channel, state, reason = '' }: Pick<Notification, 'channel' | 'state' | 'reason'>): Told {
  const again = state === 'queued' && reason;
  return {
    channel: CHANNELS[channel] ?? 'message-other',
    // What a later server says is better shown as on its way than not at all.
    state: again ? 'message-again' : (STATES[state] ?? 'message-sending'),
    args: { reason: reason ?? '' },
    bad: BAD.has(state),
  };
}
