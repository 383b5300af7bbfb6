import { expect, it } from 'vitest';
import { guestOf } from '../src/call/guest';

it('a guest is reached by what was entered', () => {
  expect(guestOf(' Gil ', ' gil@example.org ')).toEqual({ displayName: 'Gil', email: 'gil@example.org' });
  expect(guestOf('', '+49 123')).toEqual({ phoneNumber: '+49 123' });
  expect(guestOf('', '+49 123', 'de')).toEqual({ phoneNumber: '+49 123', language: 'de' });
  expect(guestOf('Gil', ' ')).toBeUndefined();
});
