/** What an address or a QR code lets somebody in by. */
import { describe, expect, it } from 'vitest';
import { behindHash, entranceOf } from '../src/app/entrance';

const at = (pathname: string, hash = '') => entranceOf({ pathname, hash });

describe('the page for those without an account', () => {
  it('tells guests’ links, links to whole calls and codes apart', () => {
    expect(at('/join', '#fhg_1.2.3.x')).toEqual({ by: 'guest', token: 'fhg_1.2.3.x' });
    expect(at('/join', '#fhc_a.1.1.3.x')).toEqual({ by: 'call', token: 'fhc_a.1.1.3.x' });
    expect(at('/join', '#123456')).toEqual({ by: 'code', code: '123456' });
    expect(at('/join')).toEqual({ by: 'code', code: '' });
    expect(at('/join', '#1234567'), 'a link that was cut off').toEqual({ by: 'guest', token: '1234567' });
  });

  it('is another one for whoever comes by the link of a machine, typed or scanned', () => {
    expect(at('/request', '#fhs_1.1.x')).toEqual({ by: 'request', token: 'fhs_1.1.x' });
    expect(at('/join', '#fhs_1.1.x')).toEqual({ by: 'request', token: 'fhs_1.1.x' });
    expect(at('/request'), 'a link that was cut off').toEqual({ by: 'request', token: '' });
  });

  it('is no other page', () => {
    for (const path of ['/', '/check', '/joint', '/call/1']) expect(at(path, '#fhg_1.2.3.x')).toBeUndefined();
  });
});

describe('a QR code', () => {
  const own = 'https://calls.example.com';

  it('leads into calls of this server', () => {
    expect(behindHash(`${own}/join#fhc_a.1.1.3.x`, own)).toBe('fhc_a.1.1.3.x');
    expect(behindHash(`${own}/request#fhs_1.1.x`, own)).toBe('fhs_1.1.x');
    expect(behindHash('123456', own)).toBe('123456');
  });

  it('of anywhere else is not followed', () => {
    for (const text of [
      'https://evil.example/join#fhc_a',
      'http://calls.example.com/join#fhc_a',
      'https://calls.example.com.evil.example/join#fhc_a',
      `${own}/join`,
      `${own}/settings#fhc_a`,
      'javascript:alert(1)',
      'WIFI:S:x;;',
      '12345',
      '',
    ]) {
      expect(behindHash(text, own), text).toBeUndefined();
    }
  });
});
