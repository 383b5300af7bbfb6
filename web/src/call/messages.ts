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
