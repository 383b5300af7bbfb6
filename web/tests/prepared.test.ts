import { beforeEach, describe, expect, it } from 'vitest';
import type { Ring } from '../src/api/types';
import { Prepared } from '../src/call/prepared';
import { RequestError } from '../src/signalling/requests';
import { FakePeer } from './fake-peer';
import { FakeClock, ring, settle } from './fakes';

let clock: FakeClock;
let peers: FakePeer[];
let offers: { callId: string; withdrawn: AbortSignal; answer(): void; refuse(code: string): void }[];
let prepared: Prepared;
let relays: Ring['iceServers'][];

beforeEach(() => {
  clock = new FakeClock();
  peers = [];
  relays = [];
  offers = [];
  prepared = new Prepared({
    clock,
    connect: ({ iceServers }) => {
      relays.push(iceServers);
      const peer = new FakePeer();
      peers.push(peer);
      return peer as unknown as RTCPeerConnection;
    },
    offer: (callId, _sdp, _tracks, withdrawn) =>
      new Promise((resolve, reject) => {
        const answer = () => resolve('answer');
        offers.push({ callId, withdrawn, answer, refuse: (code) => reject(new RequestError(code)) });
      }),
  });
});

const sfu = (callId: string) => ring({ callId, callType: 'SFU' });

async function stands(callId = 'a'): Promise<FakePeer> {
  prepared.follow([sfu(callId)]);
  await settle();
  offers.at(-1)!.answer();
  await settle();
  return peers.at(-1)!;
}

describe('while a call rings', () => {
  it('a connection is made that carries nothing', async () => {
    prepared.follow([sfu('a')]);
    prepared.follow([sfu('a')]);
    await settle();
    expect(offers.map(({ callId }) => callId)).toEqual(['a']);
    expect(peers[0]!.transceivers.map(({ sender }) => sender.track)).toEqual(peers[0]!.transceivers.map(() => null));
  });

  it('it may go by the relays that the ring names', () => {
    const iceServers = [{ urls: ['turns:calls.example.com:443?transport=tcp'], username: 'a', credential: 'b' }];
    prepared.follow([ring({ callType: 'SFU', iceServers })]);
    expect(relays).toEqual([iceServers]);
  });

  it('that goes past the server none is made', () => {
    prepared.follow([ring({ callType: 'MESH' })]);
    expect(peers).toEqual([]);
  });

  it('beside two others none is made before one of them ends', async () => {
    prepared.follow([sfu('a'), sfu('b'), sfu('c')]);
    await settle();
    expect(offers.map(({ callId }) => callId)).toEqual(['a', 'b']);
    prepared.follow([sfu('b'), sfu('c')]);
    await settle();
    expect(offers.map(({ callId }) => callId)).toEqual(['a', 'b', 'c']);
    expect(peers.map(({ closed }) => closed)).toEqual([true, false, false]);
  });

  it('a connection that fails is given up for good, as it cannot be mended', async () => {
    const peer = await stands();
    peer.become('connected', 'connected');
    peer.become('failed', 'failed');
    await clock.advance(60_000);
    prepared.follow([sfu('a')]);
    await settle();
    expect([peer.closed, peer.iceRestarts, offers.length, peers.length]).toEqual([true, 0, 1, 1]);
    expect(prepared.take('a')).toBeUndefined();
  });

  it('a connection that falls silent is given up, too', async () => {
    const peer = await stands();
    peer.become('connected', 'connected');
    peer.channels[0]!.echoes = false;
    peer.channels[0]!.open();
    await clock.advance(1_500);
    expect([peer.closed, offers.length]).toEqual([true, 1]);
  });

  it('a server that is busy is asked again', async () => {
    prepared.follow([sfu('a')]);
    await settle();
    offers[0]!.refuse('overloaded');
    await settle();
    await clock.advance(2_000);
    offers[1]!.answer();
    await settle();
    peers[0]!.become('connected', 'connected');
    expect(prepared.take('a')).toBeDefined();
  });
});

describe('what is prepared', () => {
  it('is for whoever accepts, once, and is not closed with the ring then', async () => {
    const peer = await stands();
    peer.become('connected', 'connected');
    expect(prepared.take('a')).toBeDefined();
    expect(prepared.take('a')).toBeUndefined();
    prepared.follow([]);
    expect(peer.closed).toBe(false);
    // What happens to it now is up to whoever took it.
    peer.become('failed', 'failed');
    await clock.advance(0);
    expect(peer.closed).toBe(false);
  });

  it('is nothing before the server was asked, once it has refused, or for another call', async () => {
    prepared.follow([sfu('a')]);
    expect(prepared.take('a')).toBeUndefined();
    prepared.follow([]);
    prepared.follow([sfu('a')]);
    await settle();
    offers[0]!.refuse('no_peer');
    await settle();
    expect(prepared.take('b')).toBeUndefined();
    expect(prepared.take('a')).toBeUndefined();
    expect(peers.map(({ closed }) => closed)).toEqual([true, true]);
    expect(offers[0]!.withdrawn.aborted).toBe(true);
  });

  it('may be taken while the answer is on its way: the server hears of the offer first', async () => {
    prepared.follow([sfu('a')]);
    await settle();
    expect(prepared.take('a')).toBeDefined();
    offers[0]!.answer();
    await settle();
    expect([peers[0]!.remoteDescription?.sdp, peers[0]!.closed]).toEqual(['answer', false]);
  });

  it('is nothing from the moment on at which it has failed', async () => {
    const peer = await stands();
    peer.become('failed', 'failed');
    expect(prepared.take('a')).toBeUndefined();
    expect(peer.closed).toBe(true);
  });

  it('ends with its ring', async () => {
    const peer = await stands();
    prepared.follow([]);
    expect(peer.closed).toBe(true);
    expect(prepared.take('a')).toBeUndefined();
  });
});
