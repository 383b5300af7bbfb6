/** What became of messages to somebody, in words. */
import type { Notification } from '../api/types';

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
const CHANNELS: Record<string, string> = { email: 'message-email', sms: 'message-sms', push: 'message-push' };
const RINGS: Record<string, string> = {
  queued: 'ring-queued',
  delivered: 'ring-delivered',
  seen: 'ring-seen',
  answered: 'message-answered',
  expired: 'ring-expired',
};
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

export function isRing({ channel }: Pick<Notification, 'channel'>): boolean {
  return channel === RING;
}

/** Whether a ring stands, or stood, before somebody's eyes. */
export function isSeen(notifications: Notification[] | undefined): boolean {
  return (notifications ?? []).some((one) => isRing(one) && one.state === 'seen');
}

export function told({ channel, state, reason = '' }: Pick<Notification, 'channel' | 'state' | 'reason'>): Told {
  if (channel === RING) {
    return {
      channel: 'message-ring',
      state: RINGS[state] ?? 'ring-queued',
      args: { reason: '' },
      bad: state === 'expired',
    };
  }
  const again = state === 'queued' && reason;
  return {
    channel: CHANNELS[channel] ?? 'message-other',
    // What a later server says is better shown as on its way than not at all.
    state: again ? 'message-again' : (STATES[state] ?? 'message-sending'),
    args: { reason: reason ?? '' },
    bad: BAD.has(state),
  };
}
