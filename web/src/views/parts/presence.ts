import type { Presence } from '../../api/types';

/** The words for whether somebody can be rung. */
export const PRESENCE: Record<Presence, string> = {
  online: 'presence-online',
  inCall: 'presence-in-call',
  offline: 'presence-offline',
};
