import { describe, expect, it } from 'vitest';
import { DeadLetters } from '../src/admin/dead-letters.svelte';
import { RestError } from '../src/api/answer';
import type { DeadLetter } from '../src/api/types';

const letter = (id: string, over: Partial<DeadLetter> = {}): DeadLetter => ({
  id,
  callId: 'c',
  callTitle: 'Pump 7',
  callEnded: false,
  contactId: 1,
  displayName: 'Kim',
  address: `${id}@example.org`,
  sentAgain: false,
  kind: 'ring',
  channel: 'email',
  state: 'failed',
  tries: 1,
  dateTime: '2026-11-24T09:00:00Z',
  ...over,
});

async function listed(all: DeadLetter[], refuse: (id: string) => string | undefined = () => undefined) {
  const sent: string[] = [];
  const letters = new DeadLetters({
    deadLetters: async () => all.map((one) => ({ ...one, sentAgain: one.sentAgain || sent.includes(one.id) })),
    resendDeadLetter: async (_, id) => {
      const code = refuse(id);
      if (code) throw new RestError(code);
      sent.push(id);
    },
  });
  await letters.load();
  return { letters, sent };
}

describe('messages that were not sent', () => {
  it('are sent again all at once, but each place once, and nothing that may have arrived', async () => {
    const { letters, sent } = await listed([
      letter('a'),
      letter('b', { callEnded: true }),
      letter('c', { sentAgain: true }),
      letter('d', { state: 'uncertain', channel: 'sms' }),
      letter('e', { state: 'expired' }),
      letter('f', { address: 'e@example.org' }),
    ]);
    await letters.resendAll();
    expect(sent).toEqual(['a', 'f']);
    expect(letters.attempt.done).toEqual({ id: 'dead-all-sent-again', args: { count: 2, refused: 0 } });
    expect(letters.letters?.filter(({ sentAgain }) => sentAgain).map(({ id }) => id)).toEqual(['a', 'c', 'f']);
  });

  it('go out although one of them is refused, and that is said', async () => {
    const { letters, sent } = await listed([letter('a'), letter('b')], (id) => (id === 'a' ? 'call_ended' : undefined));
    await letters.resendAll();
    expect(sent).toEqual(['b']);
    expect(letters.attempt.done).toEqual({ id: 'dead-some-sent-again', args: { count: 1, refused: 1 } });
  });

  it('wait where the server cannot be reached', async () => {
    let tried = 0;
    const { letters } = await listed([letter('a'), letter('b')], () => {
      tried += 1;
      return 'network';
    });
    expect(await letters.resendAll()).toBe(false);
    expect(tried).toBe(1);
    expect(letters.attempt.failed?.code).toBe('network');
  });

  it('are sent again one by one, also those that may have arrived', async () => {
    const uncertain = letter('d', { state: 'uncertain', displayName: '' });
    const { letters, sent } = await listed([uncertain]);
    await letters.resend(uncertain);
    expect(sent).toEqual(['d']);
    expect(letters.attempt.done).toEqual({ id: 'dead-sent-again', args: { name: 'd@example.org' } });
  });
});
