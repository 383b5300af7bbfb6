import { describe, expect, it } from 'vitest';
import { told } from '../src/call/messages';
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

  it('may be a ring on a page', () => {
    const rings = ['queued', 'delivered', 'seen', 'answered'].map((state) => words('webSocket', state));
    expect(rings).toEqual(['Ring: no device shows it yet', 'Ring: on a device', 'Ring: seen', 'Ring: answered']);
    expect(words('webSocket', 'expired')).toBe('Ring: was shown on no device!');
  });

  it('of a later version is told all the same', () => {
    expect(words('fax', 'printed')).toBe('Message: is being sent');
  });
});
