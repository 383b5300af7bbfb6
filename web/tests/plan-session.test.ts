import { beforeEach, describe, expect, it } from 'vitest';
import type { MediaPlan, Signal } from '../src/api/types';
import type { Sending } from '../src/call/ladder';
import { offering } from '../src/call/offering';
import { PlanSession } from '../src/call/plan-session';
import type { Connection, Remote } from '../src/call/session';
import { type SfuEvents, SfuLink } from '../src/call/sfu-link';
import { FakePeer } from './fake-peer';
import { FakeClock, type FakeTrack, settle, track } from './fakes';

let clock: FakeClock;
let peers: FakePeer[];
let sent: { epoch: number; to: number; signal: Signal }[];
let connections: Connection[];
let broken: number;
let failed: number[];
let remote: Remote;
let session: PlanSession;

beforeEach(() => {
  clock = new FakeClock();
  peers = [];
  sent = [];
  connections = [];
  broken = 0;
  failed = [];
  session = sessionWith(undefined, []);
});

function sessionWith(prepared: SfuLink | undefined, offers: number[]): PlanSession {
  return new PlanSession(
    () => {
      const peer = new FakePeer();
      peers.push(peer);
      return peer as unknown as RTCPeerConnection;
    },
    clock,
    {
      send: (epoch, to, signal) => sent.push({ epoch, to, signal }),
      connection: (connection) => connections.push(connection),
      remote: (now) => {
        remote = now;
      },
      offer: (epoch) => {
        offers.push(epoch);
        return new Promise(() => undefined);
      },
      pathFailed: (epoch) => failed.push(epoch),
      broken: () => broken++,
    },
    prepared,
  );
}

const plan = (epoch: number, offerer: boolean, peer: number | null = 2): MediaPlan => ({
  mode: 'p2p',
  epoch,
  peer,
  offerer,
});
const kinds = () => sent.map((s) => s.signal.kind);
const candidate = (text: string): Signal => ({ kind: 'candidate', candidate: text, sdpMid: '0', sdpMLineIndex: 0 });

async function connected(offerer: boolean): Promise<FakePeer> {
  session.apply(plan(1, offerer), 1);
  await settle();
  session.signal(1, offerer ? { kind: 'answer', sdp: 'a' } : { kind: 'offer', sdp: 'o' });
  await settle();
  await settle();
  const peer = peers[0]!;
  peer.become('connected', 'connected');
  sent.length = 0;
  return peer;
}

describe('a picture straight to another person', () => {
  it('gets smaller, then slower, then none is sent, and it comes back whole', async () => {
    session.setTracks({ audio: null, video: track('video') });
    const peer = await connected(true);
    const camera = peer.transceivers[1]!.sender;
    camera.parameters.encodings = [{}];
    const sends = async (sending: Sending) => {
      session.limit(sending);
      await settle();
      return camera.parameters.encodings[0];
    };
    const whole = { active: true, scaleResolutionDownBy: 1 };
    expect(await sends({ rung: 'smaller' })).toEqual({ ...whole, scaleResolutionDownBy: 2 });
    expect(await sends({ rung: 'slow', kbit: 90 })).toEqual({
      active: true,
      scaleResolutionDownBy: 2,
      maxBitrate: 90_000,
      maxFramerate: 8,
    });
    expect(await sends({ rung: 'stills' })).toEqual({ ...whole, active: false, scaleResolutionDownBy: 2 });
    expect(await sends({ rung: 'full' })).toEqual(whole);
  });

  it('keeps to its limit on the next connection', async () => {
    session.limit({ rung: 'stills' });
    const peer = await connected(true);
    peer.transceivers[1]!.sender.parameters.encodings = [{}];
    peer.become('disconnected', 'disconnected');
    peer.become('connected', 'connected');
    await settle();
    expect(peer.transceivers[1]!.sender.parameters.encodings[0]?.active).toBe(false);
  });
});

describe('the plan', () => {
  it('without a peer makes no connection', () => {
    session.apply(plan(1, false, null), 1);
    expect(peers).toHaveLength(0);
    expect(connections).toEqual(['none']);
  });

  it('makes the offerer offer fixed lines, two for a screen, and the other end wait', async () => {
    session.apply(plan(3, true), 1);
    await settle();
    expect(peers[0]!.transceivers.map((t) => [t.receiver.track.kind, t.direction])).toEqual([
      ['audio', 'sendrecv'],
      ['video', 'sendrecv'],
      ['audio', 'sendrecv'],
      ['video', 'sendrecv'],
    ]);
    expect(sent).toEqual([{ epoch: 3, to: 2, signal: { kind: 'offer', sdp: 'my-offer-1' } }]);

    session.apply(plan(4, false), 1);
    sent.length = 0;
    await settle();
    expect(sent).toEqual([]);
  });

  it('with the same epoch leaves the connection alone', async () => {
    await connected(true);
    session.apply(plan(1, true), 1);
    await settle();
    expect(peers).toHaveLength(1);
    expect(peers[0]!.closed).toBe(false);
    expect(sent).toEqual([]);
  });

  it('with a new epoch makes another', async () => {
    await connected(true);
    session.apply(plan(2, true), 1);
    expect(peers[0]!.closed).toBe(true);
    expect(peers).toHaveLength(2);
    expect(remote.size === 0 || Object.keys(remote.get(2) ?? {}).length === 0).toBe(true);
  });
});

describe('signals', () => {
  it('are answered: an offer by an answer, in both directions on both lines', async () => {
    session.apply(plan(1, false), 1);
    session.setTracks({ audio: track('audio'), video: null });
    session.signal(1, { kind: 'offer', sdp: 'o' });
    await settle();
    await settle();
    expect(kinds()).toEqual(['answer']);
    expect(peers[0]!.transceivers.map((t) => t.direction)).toEqual(['sendrecv', 'sendrecv']);
    expect(peers[0]!.transceivers.map((t) => (t.sender.track as FakeTrack | null)?.kind)).toEqual(['audio', undefined]);
  });

  it('that offer lines for a screen are answered on all of them, and a screen goes out on its own', async () => {
    session.apply(plan(1, false), 1);
    session.signal(1, { kind: 'offer', sdp: 'with a screen' });
    await settle();
    await settle();
    const lines = peers[0]!.transceivers;
    expect(lines.map((t) => t.direction)).toEqual(['sendrecv', 'sendrecv', 'sendrecv', 'sendrecv']);
    const [audio, video, screen] = [track('audio'), track('video'), track('video')];
    session.setTracks({ audio, video, screen, screenAudio: null });
    expect(lines.map((t) => t.sender.track)).toEqual([audio, video, null, screen]);
    session.setTracks({ audio, video });
    expect(lines.map((t) => t.sender.track)).toEqual([audio, video, null, null]);
    expect(kinds()).toEqual(['answer']);
  });

  it('tell of a screen only while the other end shows one', async () => {
    session.apply(plan(1, false), 1);
    session.signal(1, { kind: 'offer', sdp: 'with a screen' });
    await settle();
    await settle();
    for (const { receiver } of peers[0]!.transceivers) peers[0]!.ontrack?.({ track: receiver.track });
    expect(Object.keys(remote.get(2) ?? {})).toEqual(['microphone', 'camera']);
    session.apply(plan(1, false), 1, [2]);
    expect(Object.keys(remote.get(2) ?? {})).toEqual(['microphone', 'camera', 'screen', 'screenAudio']);
    session.apply(plan(1, false), 1, []);
    expect(Object.keys(remote.get(2) ?? {})).toEqual(['microphone', 'camera']);
  });

  it('that come before the plan of their epoch wait for it', async () => {
    session.apply(plan(1, false, null), 1);
    session.signal(2, { kind: 'offer', sdp: 'o' });
    session.signal(2, candidate('c1'));
    session.apply(plan(2, false), 1);
    await settle();
    await settle();
    expect(peers[0]!.remoteDescription?.sdp).toBe('o');
    expect(peers[0]!.candidates).toEqual(['c1']);
  });

  it('of an old epoch are dropped', async () => {
    session.apply(plan(2, false), 1);
    session.signal(1, { kind: 'offer', sdp: 'old' });
    await settle();
    expect(peers[0]!.remoteDescription).toBeNull();
  });

  it('candidates wait for the description they belong to', async () => {
    session.apply(plan(1, true), 1);
    await settle();
    session.signal(1, candidate('c1'));
    session.signal(1, candidate('c2'));
    await settle();
    expect(peers[0]!.candidates).toEqual([]);
    session.signal(1, { kind: 'answer', sdp: 'a' });
    await settle();
    await settle();
    expect(peers[0]!.candidates).toEqual(['c1', 'c2']);
  });

  it('own candidates go out, without the empty last one', () => {
    session.apply(plan(1, true), 1);
    const own = { candidate: 'c', sdpMid: '0', sdpMLineIndex: 0, usernameFragment: 'u' };
    peers[0]!.onicecandidate?.({ candidate: own });
    peers[0]!.onicecandidate?.({ candidate: { ...own, candidate: '' } });
    peers[0]!.onicecandidate?.({ candidate: null });
    expect(kinds().filter((k) => k === 'candidate')).toHaveLength(1);
  });
});

describe('switching devices', () => {
  it('replaces tracks and negotiates nothing', async () => {
    const peer = await connected(true);
    const video = track('video');
    session.setTracks({ audio: null, video });
    await settle();
    expect(peer.transceivers[1]!.sender.track).toBe(video);
    session.setTracks({ audio: null, video: null });
    await settle();
    expect(peer.transceivers[1]!.sender.track).toBeNull();
    expect(sent).toEqual([]);
  });
});

describe('a connection that suffers', () => {
  it('is given two seconds to mend itself', async () => {
    const peer = await connected(true);
    peer.become('connected', 'disconnected');
    await clock.advance(1_900);
    peer.become('connected', 'connected');
    await clock.advance(60_000);
    expect(peer.iceRestarts).toBe(0);
    expect(connections.at(-1)).toBe('connected');
  });

  it('is restarted by the offerer', async () => {
    const peer = await connected(true);
    peer.become('connected', 'disconnected');
    expect(connections.at(-1)).toBe('reconnecting');
    await clock.advance(2_000);
    expect(peer.iceRestarts).toBe(1);
    expect(sent.at(-1)?.signal).toEqual({ kind: 'offer', sdp: 'my-offer-2' });
  });

  it('is restarted at once when ICE has failed', async () => {
    const peer = await connected(true);
    peer.become('failed', 'failed');
    await clock.advance(0);
    expect(peer.iceRestarts).toBe(1);
  });

  it('makes the answerer ask the offerer', async () => {
    const peer = await connected(false);
    peer.become('failed', 'failed');
    await clock.advance(0);
    expect(peer.iceRestarts).toBe(0);
    expect(kinds()).toEqual(['restart']);
  });

  it('is restarted when the other end asks, but only by the offerer', async () => {
    const peer = await connected(true);
    session.signal(1, { kind: 'restart' });
    await settle();
    await settle();
    expect(peer.iceRestarts).toBe(1);
  });

  it('is restarted when the network has changed, even if it looks well', async () => {
    const peer = await connected(true);
    session.check(false);
    await settle();
    expect(peer.iceRestarts).toBe(0);
    session.check(true);
    await settle();
    expect(peer.iceRestarts).toBe(1);
  });

  it('whose answer got lost is offered again, not twice over', async () => {
    session.apply(plan(1, true), 1);
    await settle();
    await clock.advance(8_000);
    expect(sent.map((s) => s.signal)).toEqual([
      { kind: 'offer', sdp: 'my-offer-1' },
      { kind: 'offer', sdp: 'my-offer-1' },
    ]);
    expect(peers[0]!.iceRestarts).toBe(0);
  });

  it('is restarted once more where the network changed while a restart was not answered yet', async () => {
    const peer = await connected(true);
    session.check(true);
    await settle();
    session.check(true);
    await settle();
    expect(peer.iceRestarts).toBe(1);
    session.signal(1, { kind: 'answer', sdp: 'a2' });
    await settle();
    expect(peer.iceRestarts).toBe(2);
  });

  it('beyond repair is called broken', async () => {
    const peer = await connected(true);
    peer.become('failed', 'failed');
    await clock.advance(60_000);
    expect(broken).toBeGreaterThan(0);
    expect(session.liveEpoch).toBe(0);
  });

  it('lives, for a rejoin, while it is connected or may come back', async () => {
    expect(session.liveEpoch).toBe(0);
    const peer = await connected(true);
    expect(session.liveEpoch).toBe(1);
    peer.become('disconnected', 'disconnected');
    expect(session.liveEpoch).toBe(1);
    session.close();
    expect(session.liveEpoch).toBe(0);
  });
});

describe('what comes from the other end', () => {
  it('is that person’s microphone and camera, and gone with the epoch', async () => {
    const peer = await connected(true);
    const [audio, video] = [track('audio'), track('video')];
    peer.ontrack?.({ track: audio });
    peer.ontrack?.({ track: video });
    expect(remote.get(2)).toEqual({ microphone: audio, camera: video });
    session.apply(plan(2, true), 1);
    expect(remote.get(2)).toEqual({});
    session.apply(plan(3, true, null), 1);
    expect(remote.size).toBe(0);
  });
});

describe('a path between two that cannot be found', () => {
  it('is told once, eight seconds after both have described themselves', async () => {
    session.apply(plan(4, true), 1);
    await settle();
    await clock.advance(3_000);
    session.signal(4, { kind: 'answer', sdp: 'a' });
    await settle();
    await clock.advance(7_900);
    expect(failed).toEqual([]);
    await clock.advance(100);
    expect(failed).toEqual([4]);
    session.signal(4, { kind: 'answer', sdp: 'a' });
    await clock.advance(60_000);
    expect(failed).toEqual([4]);
  });

  it('is not told where nothing was heard of the other end', async () => {
    session.apply(plan(4, true), 1);
    await clock.advance(60_000);
    expect(failed).toEqual([]);
  });

  it('is not told where it was found', async () => {
    await connected(false);
    await clock.advance(60_000);
    expect(failed).toEqual([]);
  });
});

describe('a connection that was prepared while the call rang', () => {
  let prepared: FakePeer;
  let offers: number[];
  let link: SfuLink;

  beforeEach(async () => {
    prepared = new FakePeer();
    offers = [];
    const early: SfuEvents = {
      connection: () => undefined,
      remote: () => undefined,
      broken: () => undefined,
      offer: async () => 'answer',
    };
    const nothing = { audio: null, video: null };
    link = new SfuLink(prepared as unknown as RTCPeerConnection, 0, nothing, clock, early, true);
    await settle();
    session = sessionWith(link, offers);
  });

  const sfu = (epoch: number, prepared: boolean): MediaPlan => ({
    mode: 'sfu',
    epoch,
    peer: null,
    offerer: true,
    prepared,
  });

  it('is that of the plan which says so, and needs no offer', async () => {
    prepared.become('connected', 'connected');
    const audio = track('audio');
    session.setTracks({ audio, video: null });
    expect(prepared.transceivers[0]!.sender.track).toBeNull();
    session.apply(sfu(4, true), 1);
    await settle();
    expect(prepared.transceivers[0]!.sender.track).toBe(audio);
    expect([peers.length, offers, connections.at(-1), session.liveEpoch]).toEqual([0, [], 'connected', 4]);
    session.slots({
      type: 'slots',
      callId: 'c',
      epoch: 4,
      slots: [{ mid: '2', contact: 7, source: 'microphone' }],
      missing: 0,
    });
    expect(remote.get(7)).toEqual({ microphone: prepared.transceivers[2]!.receiver.track });
    session.check(true);
    await settle();
    expect(offers).toEqual([4]);
  });

  it('may still be connecting by then', async () => {
    session.apply(sfu(4, true), 1);
    expect(connections.at(-1)).toBe('connecting');
    prepared.become('connected', 'connected');
    await clock.advance(60_000);
    expect([connections.at(-1), offers]).toEqual(['connected', []]);
  });

  it('and has failed since is mended in the epoch of the plan', async () => {
    prepared.become('failed', 'failed');
    await clock.advance(0);
    expect(prepared.iceRestarts).toBe(0);
    session.apply(sfu(4, true), 1);
    await clock.advance(0);
    expect([prepared.iceRestarts, offers]).toEqual([1, [4]]);
  });

  it('is closed where the plan wants another, or there is none in the end', async () => {
    session.apply(sfu(4, false), 1);
    await settle();
    expect([prepared.closed, peers.length, offers]).toEqual([true, 1, [4]]);
    session.close();
    prepared.closed = false;
    session = sessionWith(link, offers);
    session.close();
    expect(prepared.closed).toBe(true);
  });

  it('and the server does not hear is restarted, in its epoch only', async () => {
    prepared.become('connected', 'connected');
    session.apply(sfu(4, true), 1);
    session.pathLost(3);
    await settle();
    expect(offers).toEqual([]);
    session.pathLost(4);
    await settle();
    expect(offers).toEqual([4]);
  });
});

describe('a connection whose offer goes out with the join', () => {
  let peer: FakePeer;
  let offers: number[];
  let link: SfuLink;
  const sfu = (epoch: number): MediaPlan => ({ mode: 'sfu', epoch, peer: null, offerer: true });

  beforeEach(async () => {
    peer = new FakePeer();
    offers = [];
    link = offering(peer as unknown as RTCPeerConnection, 1, clock);
    session = sessionWith(undefined, offers);
    session.bring(link);
    await link.unanswered();
  });

  it('is that of the plan, before the answer is there and after', async () => {
    session.apply(sfu(4), 1);
    link.joined('answer');
    await settle();
    peer.become('connected', 'connected');
    expect([peers.length, offers, peer.remoteDescription?.sdp]).toEqual([0, [], 'answer']);
    expect([connections, session.liveEpoch]).toEqual([['connecting', 'connecting', 'connected'], 4]);
    session.check(true);
    await settle();
    expect(offers).toEqual([4]);
  });

  it('is offered in the epoch of the plan where the join brings no answer', async () => {
    session.apply(sfu(4), 1);
    link.joined(undefined);
    await settle();
    expect([peers.length, offers]).toEqual([0, [4]]);
  });

  it('shows what the server told of it before the plan', async () => {
    const slots = [{ mid: '2', contact: 7, source: 'microphone' as const }];
    session.slots({ type: 'slots', callId: 'c', epoch: 4, slots, missing: 0 });
    session.apply(sfu(4), 1);
    expect(remote.get(7)).toEqual({ microphone: peer.transceivers[2]!.receiver.track });
    session.slots({ type: 'slots', callId: 'c', epoch: 3, slots: [], missing: 0 });
    expect(remote.get(7)).toBeDefined();
    session.apply(sfu(5), 1);
    session.apply(sfu(6), 1);
    expect(remote.get(7)).toBeUndefined();
  });

  it('is that of one plan only, and shown until the next has its own', async () => {
    session.apply(sfu(4), 1);
    link.joined('answer');
    await settle();
    peer.become('connected', 'connected');
    session.apply(sfu(5), 1);
    await settle();
    expect([peers.length, offers, peer.closed]).toEqual([1, [5], false]);
  });

  it('goes by the relays of the plan where nothing else leads there', async () => {
    const iceServers = [{ urls: ['turns:calls.example.com:443'], username: 'a', credential: 'b' }];
    session.apply({ ...sfu(4), iceServers }, 1);
    link.joined('answer');
    await clock.advance(3_000);
    expect([peer.iceRestarts, peer.configuration.iceServers]).toEqual([1, iceServers]);
  });

  it('is of no use to a plan that goes past the server', async () => {
    session.apply(plan(4, true), 1);
    expect([peer.closed, peers.length]).toEqual([true, 1]);
  });

  it('gives way to that of the next join, and is closed with the call', () => {
    const next = new FakePeer();
    session.bring(offering(next as unknown as RTCPeerConnection, 1, clock));
    expect([peer.closed, next.closed]).toEqual([true, false]);
    session.close();
    expect(next.closed).toBe(true);
  });

  it('that was given up is nobody’s', async () => {
    link.close();
    session.apply(sfu(4), 1);
    await settle();
    expect([peers.length, offers]).toEqual([1, [4]]);
  });
});
