/** What a push message says, and what is shown of it. */
import { t } from '../i18n';

/** As the server seals it. */
export interface Said {
  kind: string;
  callId: string;
  title: string;
  from: string;
  /** Until when it rings, in milliseconds since 1970. */
  until: number;
  /** How the ring came to its end. */
  ended?: string;
  /** Where to say that it is shown. */
  receipt: string;
}

/** What stays with a notification while it is shown. */
export interface Kept {
  callId?: string;
}

export interface Notice {
  title: string;
  options: {
    body: string;
    tag: string;
    data: Kept;
    requireInteraction: boolean;
    renotify: boolean;
    silent: boolean;
    actions: { action: string; title: string }[];
  };
}

export const DECLINE = 'decline';

/** The name of the text for each end of a ring. */
const ENDS: Record<string, string> = {
  joined: 'push-over-joined',
  declined: 'push-over-declined',
  takenByOther: 'push-over-taken',
  postponed: 'push-over-postponed',
  timedOut: 'push-missed',
  callEnded: 'push-missed',
};
const MISSED = 'timedOut';
/** Where the person has dealt with the call: nothing is left to be told on a page that is open. */
const DEALT_WITH = new Set(['joined', 'declined']);

/** Nothing if no server of ours has written it. */
export function read(text: string | undefined): Said | undefined {
  try {
    const said = JSON.parse(text ?? '') as Partial<Said> | null;
    const texts = [said?.kind, said?.callId, said?.title, said?.from, said?.receipt];
    const whole = texts.every((member) => typeof member === 'string') && typeof said?.until === 'number';
    return whole ? (said as Said) : undefined;
  } catch {
    return undefined;
  }
}

/** A message that was long on its way rings no more. */
export function endOf({ kind, ended, until }: Said, now: number): string | undefined {
  if (kind === 'ringEnd') return ended ?? MISSED;
  return until <= now ? MISSED : undefined;
}

export function isDealtWith(end: string | undefined): boolean {
  return end !== undefined && DEALT_WITH.has(end);
}

/** Of one call there is one notification: the last takes the place of the one before. `watched`: a page before somebody's eyes rings itself. */
export function notice(said: Said | undefined, now: number, watched: boolean): Notice {
  if (!said) return { title: t('push-other'), options: { ...quietly('farhand', {}), body: '' } };
  const { callId, title, from } = said;
  // Something to be done, and nothing that rings.
  if (said.kind === 'callBack')
    return { title: t('push-call-back', { name: from }), options: { ...quietly(callId, { callId }), body: title } };
  const end = endOf(said, now);
  if (end !== undefined) {
    const id = ENDS[end] ?? 'push-over';
    return { title: t(id, { name: from }), options: { ...quietly(callId, { callId }), body: title } };
  }
  return {
    title: t('push-ring', { name: from }),
    options: {
      body: title,
      tag: callId,
      data: { callId },
      // Like a telephone: until somebody does something.
      requireInteraction: true,
      renotify: true,
      silent: watched,
      actions: [
        { action: 'answer', title: t('push-answer') },
        { action: DECLINE, title: t('push-decline') },
      ],
    },
  };
}

function quietly(tag: string, data: Kept) {
  return { tag, data, requireInteraction: false, renotify: false, silent: true, actions: [] };
}
