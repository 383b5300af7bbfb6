import { describe, expect, it } from 'vitest';
import type { PersonState } from '../src/api/types';
import { messagesTo, ringOf, told } from '../src/call/messages';
import { t } from '../src/i18n';

const words = (channel: string, state: string, reason?: string) => {
  const said = told({ channel, state, ...(reason && { reason }) });
  return `${t(said.channel)}: ${t(said.state, said.args)}${said.bad ? '!' : ''}`;
};

describe('a message', () => {
  it('is told with what became of it', () => {
    expect(words('email', 'queued')).toBe('E-mail: waits to be sent');
    expect(words('email', 'queued', '451 later')).toBe('E-mail: not taken yet, will be tried again: 451 later');
    expect(words('sms', 'delivered')).toBe('Text message: arrived');
    expect(words('push', 'answered')).toBe('Push message: answered');
  });

  it('that somebody ought to look at says so', () => {
    expect(words('email', 'failed', '550 nobody')).toBe('E-mail: refused: 550 nobody!');
    expect(words('sms', 'uncertain', 'cut off')).toBe('Text message: may have been sent: cut off!');
  });

  it('that was held back says why', () => {
    expect(words('sms', 'heldBack', 'quietHours')).toBe('Text message: not sent, has quiet hours');
    expect(words('push', 'heldBack', 'doNotDisturb')).toBe('Push message: not sent, does not want to be disturbed');
  });

  it('of a later version is told all the same', () => {
    expect(words('fax', 'printed')).toBe('Message: is being sent');
  });
});

describe('a ring on pages', () => {
  const ring = (state: string) => ({ id: 'n', tries: 1, dateTime: '', channel: 'webSocket', state });
  const of = (state: PersonState, told: string) => ringOf({ state, notifications: [ring(told)] });

  it('is told while it rings, and where nothing has ever shown it', () => {
    expect(['queued', 'delivered', 'seen'].map((told) => of('ringing', told))).toEqual([
      undefined,
      'ring-delivered',
      'ring-seen',
    ]);
    expect([of('missed', 'expired'), of('missed', 'seen')]).toEqual(['ring-expired', undefined]);
    expect([of('joined', 'answered'), of('declined', 'seen'), ringOf({ state: 'ringing' })]).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
  });

  it('on closed pages is told once for browsers of which the same is known', () => {
    const push = (state: string, reason?: string) => ({ ...ring(state), channel: 'push', ...(reason && { reason }) });
    const [sent, shown, failed] = [push('sent'), push('delivered'), push('failed', '410')];
    const letters = [ring('sent'), ring('sent')].map((letter) => ({ ...letter, channel: 'email' }));
    const all = [sent, push('sent'), shown, failed, push('failed', '403'), push('failed', '410'), ...letters];
    expect(messagesTo({ notifications: all })).toEqual([sent, shown, failed, push('failed', '403'), ...letters]);
  });

  it('is no message', () => {
    const letter = { ...ring('sent'), channel: 'email' };
    expect(messagesTo({ notifications: [ring('seen'), letter] })).toEqual([letter]);
    expect(messagesTo({})).toEqual([]);
  });
});
