import { beforeEach, describe, expect, it } from 'vitest';
import type { ServerMessage, Welcome } from '../src/api/types';
import { backoff } from '../src/signalling/backoff';
import { type Authorised, type LinkState, SignallingClient } from '../src/signalling/client';
import { FakeClock, FakeSocket, settle, view } from './fakes';

class Rig {
  clock = new FakeClock();
  sockets: FakeSocket[] = [];
  states: LinkState[] = [];
  welcomes: Welcome[] = [];
  frames: ServerMessage[] = [];
  signedOut = 0;
  authorised: Authorised = 'ok';
  forced: boolean[] = [];
  /** Of whoever has no cookie. */
  accessToken: string | undefined;
  client = new SignallingClient(
    {
      clock: this.clock,
      random: () => 1,
      deviceId: 'd1',
      accessToken: () => this.accessToken,
      open: () => {
        const socket = new FakeSocket();
        this.sockets.push(socket);
        return socket;
      },
      authorise: async (force) => {
        this.forced.push(force);
        return this.authorised;
      },
    },
    {
      state: (state) => this.states.push(state),
      welcome: (welcome) => this.welcomes.push(welcome),
      frame: (frame) => this.frames.push(frame),
      signedOut: () => {
        this.signedOut += 1;
      },
    },
  );

  get socket(): FakeSocket {
    return this.sockets.at(-1)!;
  }

  async open(resumed = false, sessionId = 's1'): Promise<FakeSocket> {
    this.client.start();
    await settle();
    this.socket.onopen?.();
    this.socket.welcome(resumed, sessionId);
    return this.socket;
  }

  /** The connection breaks; the next one is opened as soon as it is tried. */
  async reconnect(resumed: boolean, sessionId = 's1'): Promise<FakeSocket> {
    this.socket.onclose?.({ code: 1006 });
    await this.clock.advance(500);
    this.socket.onopen?.();
    this.socket.welcome(resumed, sessionId);
    return this.socket;
  }
}

let rig: Rig;
beforeEach(() => {
  rig = new Rig();
});

describe('hello', () => {
  it('names the device and no token', async () => {
    const socket = await rig.open();
    expect(socket.sent[0]).toEqual({ type: 'hello', protocol: 1, deviceId: 'd1' });
    expect(rig.states).toEqual(['connecting', 'open']);
  });

  it('carries the link of whoever came by one', async () => {
    rig.accessToken = 'fhg_1';
    const socket = await rig.open();
    expect(socket.sent[0]).toMatchObject({ type: 'hello', accessToken: 'fhg_1' });
  });

  it('resumes with the last seq seen', async () => {
    const socket = await rig.open();
    socket.serve({ type: 'ringEnd', callId: 'x', reason: 'joined', seq: 1 });
    socket.serve({ type: 'ringEnd', callId: 'y', reason: 'joined', seq: 2 });
    const next = await rig.reconnect(true);
    expect(next.sent[0]).toMatchObject({ resume: { sessionId: 's1', lastSeq: 2 } });
  });

  it('counts from the start again in a new session', async () => {
    const socket = await rig.open();
    socket.serve({ type: 'ringEnd', callId: 'x', reason: 'joined', seq: 7 });
    const next = await rig.reconnect(false, 's2');
    next.serve({ type: 'ringEnd', callId: 'y', reason: 'joined', seq: 1 });
    expect(rig.frames).toHaveLength(2);
    const third = await rig.reconnect(true, 's2');
    expect(third.sent[0]).toMatchObject({ resume: { sessionId: 's2', lastSeq: 1 } });
  });
});

describe('frames', () => {
  it('are told once, however often they are replayed', async () => {
    const socket = await rig.open();
    socket.serve({ type: 'moved', callId: 'a', seq: 1 });
    socket.serve({ type: 'moved', callId: 'a', seq: 1 });
    const next = await rig.reconnect(true);
    next.serve({ type: 'moved', callId: 'a', seq: 1 });
    next.serve({ type: 'moved', callId: 'b', seq: 2 });
    expect(rig.frames.map((f) => 'callId' in f && f.callId)).toEqual(['a', 'b']);
  });

  it('answer the request with their id', async () => {
    const socket = await rig.open();
    const first = rig.client.request({ type: 'join', callId: 'a' });
    const second = rig.client.request({ type: 'join', callId: 'b' });
    const [a, b] = socket.sent.filter((f) => f.type === 'join');
    socket.serve({ type: 'error', id: b!.id, code: 'call_full', detail: '', seq: 1 });
    socket.serve({ type: 'ok', id: a!.id, call: view(), seq: 2 });
    await expect(second).rejects.toMatchObject({ code: 'call_full' });
    await expect(first).resolves.toMatchObject({ call: { callId: 'call-1' } });
  });
});

describe('a request', () => {
  it('waits for the connection', async () => {
    const answer = rig.client.request({ type: 'decline', callId: 'a' });
    const socket = await rig.open();
    const sent = socket.sent.find((f) => f.type === 'decline');
    socket.serve({ type: 'ok', id: sent!.id, seq: 1 });
    await expect(answer).resolves.toMatchObject({ type: 'ok' });
  });

  it('that is withdrawn is not sent when the connection is back, and one that was sent is answered', async () => {
    const [early, late] = [new AbortController(), new AbortController()];
    const create = { type: 'createCall', call: { callType: 'MESH' } } as const;
    const unsent = rig.client.request(create, early.signal);
    early.abort();
    await expect(unsent).rejects.toMatchObject({ code: 'withdrawn' });
    const socket = await rig.open();
    expect(socket.types()).not.toContain('createCall');
    const sent = rig.client.request(create, late.signal);
    const id = (socket.sent.at(-1) as { id: number }).id;
    late.abort();
    socket.serve({ type: 'ok', id, call: view(), seq: 1 });
    expect((await sent).call?.callId).toBe('call-1');
  });

  it('times out', async () => {
    await rig.open();
    const answer = rig.client.request({ type: 'leave', callId: 'a' });
    const refused = expect(answer).rejects.toMatchObject({ code: 'timeout' });
    for (let i = 0; i < 4; i++) {
      await rig.clock.advance(2_500);
      rig.socket.serve({ type: 'pong' });
    }
    await refused;
  });

  it('is asked again after a resume only once the replay has shown that it got lost', async () => {
    await rig.open();
    void rig.client.request({ type: 'leave', callId: 'a' });
    const next = await rig.reconnect(true);
    expect(next.types()).not.toContain('leave');
    next.serve({ type: 'pong' });
    expect(next.types().filter((t) => t === 'leave')).toHaveLength(1);
    next.serve({ type: 'pong' });
    expect(next.types().filter((t) => t === 'leave')).toHaveLength(1);
  });

  it('is not asked again when the replay brings its answer', async () => {
    const socket = await rig.open();
    const answer = rig.client.request({ type: 'leave', callId: 'a' });
    const id = socket.sent.find((f) => f.type === 'leave')!.id;
    const next = await rig.reconnect(true);
    next.serve({ type: 'ok', id, seq: 1 });
    next.serve({ type: 'pong' });
    await answer;
    expect(next.types()).not.toContain('leave');
  });

  it('never creates a call twice', async () => {
    await rig.open();
    const answer = rig.client.request({ type: 'createCall', call: {} });
    const refused = expect(answer).rejects.toMatchObject({ code: 'connection_lost' });
    const resumed = await rig.reconnect(true);
    resumed.serve({ type: 'pong' });
    expect(resumed.types()).not.toContain('createCall');
    const fresh = await rig.reconnect(false, 's2');
    await refused;
    expect(fresh.types()).not.toContain('createCall');
  });

  it('to leave outlives the session', async () => {
    await rig.open();
    void rig.client.request({ type: 'leave', callId: 'a' });
    const fresh = await rig.reconnect(false, 's2');
    expect(fresh.types()).toContain('leave');
  });
});

describe('signals', () => {
  const signal = { type: 'signal', callId: 'a', epoch: 1, to: 2, signal: { kind: 'restart' } } as const;

  it('said while disconnected are said on resume', async () => {
    await rig.open();
    rig.socket.onclose?.({ code: 1006 });
    rig.client.tell(signal);
    await rig.clock.advance(500);
    rig.socket.onopen?.();
    rig.socket.welcome(true);
    expect(rig.socket.types()).toContain('signal');
  });

  it('are forgotten with the session', async () => {
    await rig.open();
    rig.socket.onclose?.({ code: 1006 });
    rig.client.tell(signal);
    await rig.clock.advance(500);
    rig.socket.onopen?.();
    rig.socket.welcome(false, 's2');
    expect(rig.socket.types()).not.toContain('signal');
  });
});

describe('the connection', () => {
  it('is pinged with what was seen', async () => {
    const socket = await rig.open();
    socket.serve({ type: 'pong' });
    socket.serve({ type: 'moved', callId: 'a', seq: 4 });
    await rig.clock.advance(10_000);
    expect(socket.sent.at(-1)).toEqual({ type: 'ping', lastSeq: 4 });
  });

  it('is dead when nothing follows a ping, and another is made', async () => {
    const socket = await rig.open();
    socket.serve({ type: 'pong' });
    await rig.clock.advance(14_999);
    expect(socket.closed).toBe(false);
    await rig.clock.advance(1);
    expect(socket.closed).toBe(true);
    await rig.clock.advance(500);
    expect(rig.sockets).toHaveLength(2);
  });

  it('lives on any frame, not only on pongs', async () => {
    const socket = await rig.open();
    socket.serve({ type: 'pong' });
    await rig.clock.advance(12_000);
    socket.serve({ type: 'moved', callId: 'a', seq: 1 });
    await rig.clock.advance(4_000);
    expect(socket.closed).toBe(false);
  });

  it('that never says welcome is given up', async () => {
    rig.client.start();
    await settle();
    await rig.clock.advance(8_000);
    expect(rig.sockets[0]!.closed).toBe(true);
    await rig.clock.advance(500);
    expect(rig.sockets).toHaveLength(2);
  });

  it('is tried at once when the network is back', async () => {
    await rig.open();
    rig.socket.onclose?.({ code: 1006 });
    for (let i = 0; i < 6; i++) {
      await rig.clock.advance(30_000);
      rig.socket.onclose?.({ code: 1006 });
    }
    const before = rig.sockets.length;
    rig.client.nudge();
    await settle();
    expect(rig.sockets).toHaveLength(before + 1);
  });

  it('is doubted, not trusted, when the network changed', async () => {
    const socket = await rig.open();
    socket.serve({ type: 'pong' });
    rig.client.nudge();
    await rig.clock.advance(2_000);
    expect(socket.closed).toBe(true);
  });

  it('that breaks right after the network changed is made again at once, but only once', async () => {
    const socket = await rig.open();
    rig.client.nudge();
    await rig.clock.advance(7);
    socket.onclose?.({ code: 1006 });
    await rig.clock.advance(0);
    expect(rig.sockets).toHaveLength(2);
    rig.socket.onclose?.({ code: 1006 });
    await rig.clock.advance(0);
    expect(rig.sockets).toHaveLength(2);
  });

  it('that breaks long after the network changed waits as usual', async () => {
    const socket = await rig.open();
    rig.client.nudge();
    socket.serve({ type: 'pong' });
    await rig.clock.advance(2_001);
    socket.onclose?.({ code: 1006 });
    await rig.clock.advance(0);
    expect(rig.sockets).toHaveLength(1);
  });

  it('refused for its login is tried once with a renewed one', async () => {
    await rig.open();
    rig.socket.onclose?.({ code: 4401 });
    await settle();
    expect(rig.forced).toEqual([false, true]);
    rig.socket.onclose?.({ code: 4401 });
    expect(rig.signedOut).toBe(1);
    await rig.clock.advance(60_000);
    expect(rig.sockets).toHaveLength(2);
  });

  it('closed for a frame that cannot be read does not say that frame again', async () => {
    await rig.open();
    const answer = rig.client.request({ type: 'leave', callId: 'no uuid' });
    const refused = expect(answer).rejects.toMatchObject({ code: 'bad_frame' });
    rig.socket.onclose?.({ code: 4400 });
    await refused;
    await rig.clock.advance(500);
    rig.socket.onopen?.();
    rig.socket.welcome(true);
    rig.socket.serve({ type: 'pong' });
    expect(rig.socket.types()).not.toContain('leave');
  });

  it('whose session another connection took starts a new one', async () => {
    await rig.open();
    rig.socket.onclose?.({ code: 4409 });
    await rig.clock.advance(500);
    rig.socket.onopen?.();
    expect(rig.socket.sent[0]).not.toHaveProperty('resume');
  });

  it('is tried less often when the server has too much of us', async () => {
    await rig.open();
    rig.socket.onclose?.({ code: 4429 });
    await rig.clock.advance(7_000);
    expect(rig.sockets).toHaveLength(1);
    await rig.clock.advance(1_000);
    expect(rig.sockets).toHaveLength(2);
  });

  it('is not opened any more when stop() came while the login was checked', async () => {
    rig.client.start();
    rig.client.stop();
    await settle();
    expect(rig.sockets).toHaveLength(0);
  });

  it('waits and tries again while the login cannot be checked', async () => {
    rig.authorised = 'retry';
    rig.client.start();
    await settle();
    expect(rig.sockets).toHaveLength(0);
    rig.authorised = 'ok';
    await rig.clock.advance(500);
    expect(rig.sockets).toHaveLength(1);
  });

  it('is not opened without a login', async () => {
    rig.authorised = 'signedOut';
    rig.client.start();
    await settle();
    expect([rig.sockets.length, rig.signedOut]).toEqual([0, 1]);
  });

  it('stays closed where this page is refused', async () => {
    await rig.open();
    rig.socket.onclose?.({ code: 4403 });
    await rig.clock.advance(120_000);
    expect(rig.sockets).toHaveLength(1);
    expect(rig.states.at(-1)).toBe('refused');
  });

  it('stops for good on stop()', async () => {
    const socket = await rig.open();
    rig.client.stop();
    await rig.clock.advance(120_000);
    expect(socket.closed).toBe(true);
    expect(rig.sockets).toHaveLength(1);
  });
});

describe('back-off', () => {
  const delays = (inCall: boolean, random: number) =>
    [0, 1, 2, 3, 4, 5, 6, 20].map((n) => backoff(n, inCall, () => random));

  it('starts within half a second and ends at 5 s in a call, 30 s otherwise', () => {
    expect(delays(true, 1)).toEqual([500, 1000, 2000, 4000, 5000, 5000, 5000, 5000]);
    expect(delays(false, 1)).toEqual([500, 1000, 2000, 4000, 8000, 16000, 30000, 30000]);
  });

  it('spreads over half of the time', () => {
    expect(delays(true, 0)).toEqual([250, 500, 1000, 2000, 2500, 2500, 2500, 2500]);
  });
});
