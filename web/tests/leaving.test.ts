import { beforeEach, describe, expect, it } from 'vitest';
import { Leaving } from '../src/call/leaving';
import { type Answer, RequestError } from '../src/signalling/requests';
import { settle, view } from './fakes';

let asked: { agree(): void; refuse(code: string): void }[];
let leaving: Leaving;

beforeEach(() => {
  asked = [];
  const request = () =>
    new Promise<Answer>((resolve, reject) => {
      const agree = () => resolve({ type: 'ok', id: 1 });
      asked.push({ agree, refuse: (code) => reject(new RequestError(code)) });
    });
  leaving = new Leaving({ request, tell: () => undefined, inCall: false });
});

describe('a call that is hung up', () => {
  const hangUp = async (end: (leave: (typeof asked)[number]) => void) => {
    void leaving.leave('call-1');
    end(asked.at(-1)!);
    await settle();
  };

  it('is being left until the server agrees, or says that there is nothing to leave', async () => {
    void leaving.leave('call-1');
    expect(leaving.has('call-1')).toBe(true);
    asked[0]!.agree();
    await settle();
    expect(leaving.has('call-1')).toBe(false);
    await hangUp((leave) => leave.refuse('not_in_call'));
    expect(leaving.has('call-1')).toBe(false);
  });

  it.each(['timeout', 'connection_lost'])(
    'out of the server’s reach (%s) is left when it is heard of',
    async (code) => {
      await hangUp((leave) => leave.refuse(code));
      leaving.see(view({ seat: 'here' }));
      leaving.see(view({ seat: 'here' }));
      expect([asked.length, leaving.has('call-1')]).toEqual([2, true]);
    },
  );

  it('is not left again where the server has given up the seat by itself', async () => {
    await hangUp((leave) => leave.refuse('timeout'));
    leaving.see(view({ seat: 'none' }));
    expect([asked.length, leaving.has('call-1')]).toEqual([1, false]);
  });
});
