import { beforeEach, describe, expect, it } from 'vitest';
import type { CallView, TeamRequests, WaitingRequest } from '../src/api/types';
import { isOwnRequest, ServiceRequests } from '../src/call/service-requests.svelte';
import type { Notice } from '../src/call/stage';
import { RequestError } from '../src/signalling/requests';

const NOW = Date.parse('2027-01-15T08:00:00Z');

function waiting(callId: string, displayName: string, more: Partial<WaitingRequest> = {}): WaitingRequest {
  const from = { displayName } as WaitingRequest['from'];
  return { callId, callTitle: 'Pump 7', from, sinceDateTime: '2027-01-15T07:00:00Z', popup: true, ...more };
}

function queue(id: number, ...requests: WaitingRequest[]): TeamRequests {
  return { team: { id, name: `Team ${id}`, domain: null }, waiting: requests.length, requests };
}

let asked: object[];
let joined: string[];
let refuse: string | undefined;
let calls: { answers: string | undefined; notice: Notice | undefined; join(callId: string): Promise<void> };
let requests: ServiceRequests;
beforeEach(() => {
  [asked, joined, refuse] = [[], [], undefined];
  calls = {
    answers: undefined,
    notice: undefined,
    join: async (callId) => {
      joined.push(callId);
    },
  };
  const request = async (frame: object) => {
    asked.push({ ...frame, answers: calls.answers });
    if (refuse) throw new RequestError(refuse);
    return { type: 'ok' as const, id: 1 };
  };
  requests = new ServiceRequests({ calls, signalling: { request }, camera: () => true, now: () => NOW });
});

const show = (queue: TeamRequests) => requests.frame({ type: 'requests', queue });

describe('what waits', () => {
  it('is shown team by team, each request by a label of its own', () => {
    show(queue(1, waiting('a', 'Gil'), waiting('b', 'Gil')));
    show(queue(2, waiting('c', 'Gus')));
    show(queue(3));
    const labels = requests.teams.map(({ name, shown }) => [name, ...shown.map(({ label }) => label)]);
    expect(labels).toEqual([
      ['Team 1', 'Gil (Pump 7, 1)', 'Gil (Pump 7, 2)'],
      ['Team 2', 'Gus'],
    ]);
  });

  it('is told of when it is new, until it is gone, and never where it is to be quiet', () => {
    show(queue(1, waiting('a', 'Gil', { popup: false })));
    expect(requests.newest).toBeUndefined();
    show(queue(1, waiting('a', 'Gil', { popup: false }), waiting('b', 'Gus')));
    expect(requests.newest?.callId).toBe('b');
    show(queue(1, waiting('a', 'Gil', { popup: false })));
    expect(requests.newest).toBeUndefined();
  });

  it('stays told of whatever happens in other queues, and is not new again where it waits for another team as well', () => {
    const newest = () => requests.newest?.callId;
    show(queue(1, waiting('a', 'Gil')));
    show(queue(2));
    expect(newest()).toBe('a');
    requests.newest = undefined;
    show(queue(2, waiting('a', 'Gil')));
    expect(newest()).toBeUndefined();
    show(queue(2, waiting('a', 'Gil'), waiting('b', 'Gus')));
    show(queue(1));
    expect(newest()).toBe('b');
    show(queue(2));
    expect(newest()).toBeUndefined();
  });

  it('is due once its time has come', () => {
    const at = (callBackDateTime: string) => requests.isDue(waiting('a', 'Gil', { callBackDateTime }));
    expect([at('2027-01-15T08:00:00Z'), at('2027-01-15T08:00:01Z')]).toEqual([true, false]);
    expect(requests.isDue(waiting('a', 'Gil'))).toBe(false);
  });
});

describe('a promise to call back that has come due', () => {
  const due = (callId: string) =>
    requests.frame({
      type: 'callBackDue',
      callId,
      callTitle: 'Pump 7',
      from: { displayName: 'Gil' } as WaitingRequest['from'],
      callBackDateTime: '2027-01-15T08:00:00Z',
    });

  it('is told until somebody has taken it', () => {
    show(queue(1, waiting('a', 'Gil'), waiting('b', 'Gus')));
    due('a');
    show(queue(1, waiting('a', 'Gil')));
    expect(requests.due?.callId).toBe('a');
    show(queue(1, waiting('b', 'Gus')));
    expect(requests.due).toBeUndefined();
  });

  it('is told until its call says otherwise, for whoever is in no team', () => {
    due('a');
    requests.frame({ type: 'call', call: { callId: 'b' } as CallView });
    expect(requests.due?.callId).toBe('a');
    requests.frame({ type: 'call', call: { callId: 'a', serviceRequest: { state: 'claimed' } } as CallView });
    expect(requests.due).toBeUndefined();
  });
});

describe('one’s own request', () => {
  it('says how it ended, and others’ say nothing', () => {
    requests.frame({ type: 'call', call: { callId: 'a', creator: 2, you: 1, endReason: 'expired' } as CallView });
    expect(requests.over).toBeUndefined();
    requests.frame({ type: 'call', call: { callId: 'a', creator: 1, you: 1, endReason: 'cancelled' } as CallView });
    expect(requests.over).toBe('cancelled');
  });
});

describe('claiming', () => {
  it('joins at once, and the ring of the own claim is not for this page', async () => {
    await requests.claim(waiting('a', 'Gil'));
    expect(asked).toEqual([{ type: 'claimServiceRequest', callId: 'a', answers: 'a' }]);
    expect([joined, calls.answers]).toEqual([['a'], undefined]);
  });

  it('joins nothing where somebody else was first, and says so', async () => {
    refuse = 'already_claimed';
    await requests.claim(waiting('a', 'Gil'));
    expect([joined, calls.notice]).toEqual([[], { kind: 'error', code: 'already_claimed' }]);
    expect([calls.answers, requests.claiming]).toEqual([undefined, undefined]);
  });
});

describe('a request of one’s own', () => {
  const place = (position: number) => ({ position, waiting: 5 });
  const call = (more: object = {}) =>
    ({
      callId: 'a',
      creator: 1,
      you: 1,
      seat: 'none',
      serviceRequest: { state: 'waiting', teams: [], place: place(4) },
      ...more,
    }) as unknown as CallView;

  it('stands where it was told last', () => {
    expect(requests.placeOf(call())?.position).toBe(4);
    requests.frame({ type: 'requestPlace', callId: 'a', place: place(3) });
    expect(requests.placeOf(call())?.position).toBe(3);
    requests.frame({ type: 'call', call: call() });
    expect(requests.placeOf(call())?.position).toBe(4);
    requests.frame({ type: 'requestPlace', callId: 'a', place: place(2) });
    requests.reset();
    expect(requests.placeOf(call())?.position).toBe(4);
  });

  it('says so when nobody took it in time', () => {
    requests.frame({ type: 'call', call: call({ endReason: 'expired', you: 2 }) });
    expect(calls.notice).toBeUndefined();
    requests.frame({ type: 'call', call: call({ endReason: 'expired' }) });
    expect(calls.notice).toEqual({ kind: 'error', code: 'request_expired' });
  });

  it('is one that this person made and nobody has come to here', () => {
    expect(isOwnRequest(call())).toBe(true);
    expect([isOwnRequest(call({ you: 2 })), isOwnRequest(call({ seat: 'here' }))]).toEqual([false, false]);
    expect(isOwnRequest(call({ serviceRequest: undefined }))).toBe(false);
  });
});
