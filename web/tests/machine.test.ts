/** In front of a machine: looking where its link leads, and asking for help once. */
import { describe, expect, it } from 'vitest';
import { RestError } from '../src/api/client';
import type { AskForHelp, RequestForm } from '../src/api/types';
import { Machine, type Written } from '../src/app/machine.svelte';

const FORM: RequestForm = {
  name: 'Press 4',
  domain: 'acme',
  fields: [{ name: 'Machine', value: '4711' }, { name: 'Error code' }, { name: 'Shift' }],
};
const TERMS = { text: 'Be kind.', version: 'v1' };
const WRITTEN: Written = {
  displayName: 'Vera',
  text: 'It leaks',
  reach: '',
  values: { 'Error code': ' E 7 ', Shift: ' ' },
};
const LINK = 'https://x.org/join#fhg_1';

function front(form: RequestForm | RestError = FORM, store = new Map<string, string>(), token = 'fhs_1') {
  const said: AskForHelp[] = [];
  const asked: string[] = [];
  const next: { form: RequestForm | RestError; problem?: RestError } = { form };
  let ids = 0;
  const machine = new Machine(token, {
    look: async () => {
      if (next.form instanceof RestError) throw next.form;
      return next.form;
    },
    ask: async (request) => {
      said.push(request);
      if (next.problem) throw next.problem;
      return { callId: 'c', link: LINK };
    },
    storage: {
      getItem: (key) => store.get(key) ?? null,
      setItem: (key, value) => void store.set(key, value),
      removeItem: (key) => void store.delete(key),
    },
    newId: () => `id ${token} ${++ids}`.replaceAll(' ', '-'),
    asked: (link) => asked.push(link),
  });
  return { machine, said, asked, next, store };
}

describe('somebody at a machine', () => {
  it('asks with what was written, fills in what is open, and goes on by the personal link', async () => {
    const { machine, said, asked, store } = front();
    await machine.look();
    expect(machine.state).toBe('open');
    await machine.ask(WRITTEN);
    const fields = [{ name: 'Error code', value: 'E 7' }];
    expect(said).toEqual([{ requestId: 'id-fhs_1-1', displayName: 'Vera', text: 'It leaks', reach: '', fields }]);
    expect([machine.state, asked, store.size]).toEqual(['asked', [LINK], 0]);
  });

  it('asks again by the same name after a break, also when the page was loaded again', async () => {
    const { machine, said, next, store } = front();
    await machine.look();
    next.problem = new RestError('network');
    await machine.ask(WRITTEN);
    expect([machine.state, machine.failed]).toEqual(['open', 'network']);
    await machine.ask(WRITTEN);
    const again = front(FORM, store);
    await again.machine.look();
    await again.machine.ask(WRITTEN);
    const other = front(FORM, new Map(store), 'fhs_2');
    await other.machine.look();
    await other.machine.ask(WRITTEN);
    const names = [...said, ...again.said, ...other.said].map(({ requestId }) => requestId);
    expect(names).toEqual(['id-fhs_1-1', 'id-fhs_1-1', 'id-fhs_1-1', 'id-fhs_2-1']);
  });

  it('asks anew where the request before has ended, and is told so', async () => {
    const { machine, said, next } = front();
    await machine.look();
    for (const code of ['call_ended', 'guest_link_revoked']) {
      next.problem = new RestError(code);
      await machine.ask(WRITTEN);
      expect([machine.state, machine.failed]).toEqual(['open', code]);
    }
    expect(new Set(said.map(({ requestId }) => requestId)).size).toBe(2);
  });

  it('reads how long to wait where too many have asked', async () => {
    const { machine, next } = front();
    await machine.look();
    next.problem = new RestError('too_many_requests', 90);
    await machine.ask(WRITTEN);
    expect([machine.state, machine.failed, machine.wait]).toEqual(['open', 'too_many_requests', 90]);
  });

  it('accepts terms first, and others once they have changed', async () => {
    const { machine, said, next } = front({ ...FORM, terms: TERMS });
    await machine.look();
    expect(machine.terms).toEqual(TERMS);
    machine.accept();
    expect(machine.terms).toBeUndefined();
    next.problem = new RestError('terms_required');
    next.form = { ...FORM, terms: { ...TERMS, version: 'v2' } };
    await machine.ask(WRITTEN);
    expect([said[0]?.termsVersion, machine.terms?.version]).toEqual(['v1', 'v2']);
  });

  it('sees that the link leads nowhere, or only that the server does not answer', async () => {
    for (const [code, state] of [
      ['request_link_unknown', 'dead'],
      ['guests_not_allowed', 'dead'],
      ['request_link_closed', 'looking'],
      ['network', 'looking'],
    ] as const) {
      const { machine } = front(new RestError(code));
      await machine.look();
      expect([machine.state, machine.failed]).toEqual([state, code]);
    }
  });
});
