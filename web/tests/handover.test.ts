import { beforeEach, describe, expect, it } from 'vitest';
import type { MediaPlan, Slot } from '../src/api/types';
import { PlanSession } from '../src/call/plan-session';
import type { Connection, Remote } from '../src/call/session';
import { FakePeer } from './fake-peer';
import { FakeClock, settle, track } from './fakes';

let clock: FakeClock;
let peers: FakePeer[];
let modes: string[];
let remote: Remote;
let connections: Connection[];
let sent: number;
let broken: number;
let session: PlanSession;

beforeEach(() => {
  clock = new FakeClock();
  peers = [];
  modes = [];
  connections = [];
  sent = 0;
  broken = 0;
  session = new PlanSession(
    ({ mode }) => {
      modes.push(mode);
      const peer = new FakePeer();
      peers.push(peer);
      return peer as unknown as RTCPeerConnection;
    },
    clock,
    {
      send: () => sent++,
      offer: async () => 'answer',
      pathFailed: () => undefined,
      connection: (connection) => connections.push(connection),
      remote: (now) => {
        remote = now;
      },
      broken: () => broken++,
    },
  );
});

const p2p = (epoch: number): MediaPlan => ({ mode: 'p2p', epoch, peer: 2, offerer: true });
const sfu = (epoch: number): MediaPlan => ({ mode: 'sfu', epoch, peer: null, offerer: true });
const line = (peer: FakePeer, mid: string) => peer.transceivers.find((line) => line.mid === mid)!.receiver.track;
const slots = (epoch: number, ...contacts: number[]) => {
  const all = contacts.flatMap((contact, i): Slot[] => [
    { mid: String(2 + i), contact, source: 'microphone' },
    { mid: String(6 + i), contact, source: 'camera' },
  ]);
  session.slots({ type: 'slots', callId: 'c', epoch, slots: all, missing: 0 });
};
const deliver = (peer: FakePeer, ...mids: string[]) => {
  for (const mid of mids) {
    const { id, kind } = line(peer, mid);
    const counts = kind === 'video' ? { framesDecoded: 1 } : { packetsReceived: 1 };
    peer.stats.set(mid, { type: 'inbound-rtp', kind, trackIdentifier: id, ...counts });
  }
};

async function direct() {
  session.apply(p2p(1), 1);
  await settle();
  session.signal(1, { kind: 'answer', sdp: 'a' });
  await settle();
  const peer = peers[0]!;
  const [audio, video] = [track('audio'), track('video')];
  peer.ontrack?.({ track: audio });
  peer.ontrack?.({ track: video });
  peer.become('connected', 'connected');
  await settle();
  return { peer, audio, video };
}

async function throughServer() {
  session.apply(sfu(1), 1);
  await settle();
  await settle();
  slots(1, 2);
  peers[0]!.become('connected', 'connected');
  return peers[0]!;
}

describe('from a direct connection to the server', () => {
  it('each picture and each sound stays until the server has delivered the same', async () => {
    const { peer, audio, video } = await direct();
    connections.length = 0;
    session.apply(sfu(2), 2);
    expect(modes).toEqual(['p2p', 'sfu']);
    await settle();
    const next = peers[1]!;
    slots(2, 2, 3);
    expect(remote.get(2)).toEqual({ microphone: audio, camera: video });
    expect(remote.get(3)?.camera).toBe(line(next, '7'));

    next.become('connected', 'connected');
    deliver(next, '2');
    await clock.advance(100);
    expect(remote.get(2)).toEqual({ microphone: line(next, '2'), camera: video });
    expect(peer.closed).toBe(false);

    deliver(next, '6');
    await clock.advance(100);
    expect(remote.get(2)).toEqual({ microphone: line(next, '2'), camera: line(next, '6') });
    expect(connections).toEqual(['connected']);
  });

  it('the direct one stays a while for the other end, which may have nothing else yet', async () => {
    const { peer } = await direct();
    session.apply(sfu(2), 1);
    await settle();
    slots(2, 2);
    peers[1]!.become('connected', 'connected');
    deliver(peers[1]!, '2', '6');
    await clock.advance(4_900);
    expect(peer.closed).toBe(false);
    session.setTracks({ audio: null, video: track('video') });
    await settle();
    expect(peer.transceivers[1]!.sender.track).not.toBeNull();
    await clock.advance(200);
    expect(peer.closed).toBe(true);
  });

  it('a measuring packet or a track that is there is no picture', async () => {
    const { video } = await direct();
    session.apply(sfu(2), 1);
    await settle();
    slots(2, 2);
    const next = peers[1]!;
    const { id } = line(next, '6');
    const padding = { kind: 'video', framesDecoded: 0, packetsReceived: 9 };
    next.stats.set('6', { type: 'inbound-rtp', trackIdentifier: id, ...padding });
    await clock.advance(1_000);
    expect(remote.get(2)?.camera).toBe(video);
  });

  it('it is kept for as long as the server cannot be reached, and five seconds more', async () => {
    const { peer, video } = await direct();
    session.apply(sfu(2), 1);
    await settle();
    slots(2, 2);
    await clock.advance(20_000);
    expect([peer.closed, remote.get(2)?.camera]).toEqual([false, video]);
    peers[1]!.become('connected', 'connected');
    await clock.advance(4_900);
    expect(remote.get(2)?.camera).toBe(video);
    await clock.advance(100);
    expect(remote.get(2)?.camera).toBe(line(peers[1]!, '6'));
    await clock.advance(5_000);
    expect(peer.closed).toBe(true);
  });

  it('its state is what counts until the server is connected, and it says no more to the other end', async () => {
    const { peer } = await direct();
    session.apply(sfu(2), 1);
    await settle();
    sent = 0;
    connections.length = 0;
    peer.become('disconnected', 'disconnected');
    await clock.advance(2_000);
    expect([connections, sent, broken]).toEqual([['reconnecting'], 0, 0]);
    peers[1]!.become('connected', 'connected');
    peer.become('failed', 'failed');
    expect(connections.at(-1)).toBe('connected');
  });

  it('one that never carried anything is given up at once', async () => {
    session.apply(p2p(1), 1);
    session.apply(sfu(2), 1);
    expect(peers[0]!.closed).toBe(true);
    expect(connections.at(-1)).toBe('connecting');
  });

  it('devices that are switched meanwhile are switched for both', async () => {
    const { peer } = await direct();
    session.apply(sfu(2), 1);
    const video = track('video');
    session.setTracks({ audio: null, video });
    await settle();
    for (const one of [peer, peers[1]!]) expect(one.transceivers[1]!.sender.track).toBe(video);
  });

  it('hanging up closes both', async () => {
    const { peer } = await direct();
    session.apply(sfu(2), 1);
    session.close();
    expect([peer.closed, peers[1]!.closed, remote.size]).toEqual([true, true, 0]);
  });
});

describe('from one connection to the server to the next', () => {
  it('the old pictures stay until the new ones come', async () => {
    const former = await throughServer();
    session.apply(sfu(2), 1);
    await settle();
    slots(1, 2, 3);
    slots(2, 2);
    expect(remote.get(2)?.camera).toBe(line(former, '6'));
    expect(remote.has(3)).toBe(false);
    deliver(peers[1]!, '2', '6');
    await clock.advance(100);
    expect(remote.get(2)?.camera).toBe(line(peers[1]!, '6'));
    expect(former.closed).toBe(true);
  });

  it('or for five seconds: the server does not know the old connection any more', async () => {
    const former = await throughServer();
    session.apply(sfu(2), 1);
    await clock.advance(4_900);
    expect(former.closed).toBe(false);
    await clock.advance(100);
    expect(former.closed).toBe(true);
  });

  it('the last pictures stay while one that was never connected is replaced', async () => {
    const former = await throughServer();
    session.apply(sfu(2), 1);
    session.apply(sfu(3), 1);
    expect([former.closed, peers[1]!.closed]).toEqual([false, true]);
    expect(remote.get(2)?.camera).toBe(line(former, '6'));
  });

  it('the same epoch changes nothing, and is told for a rejoin while it lives', async () => {
    await throughServer();
    session.apply(sfu(1), 5);
    expect([peers.length, session.liveEpoch]).toEqual([1, 1]);
    peers[0]!.become('failed', 'failed');
    expect(session.liveEpoch).toBe(0);
  });
});
