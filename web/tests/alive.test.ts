import { beforeEach, describe, expect, it } from 'vitest';
import { Alive } from '../src/call/alive';
import { type FakeChannel, FakePeer } from './fake-peer';
import { FakeClock } from './fakes';

let clock: FakeClock;
let peer: FakePeer;
let channel: FakeChannel;
let alive: Alive;
let heard: number;
/** When silence was told, in milliseconds since the channel opened. */
let silences: number[];

beforeEach(() => {
  clock = new FakeClock();
  peer = new FakePeer();
  heard = 0;
  silences = [];
  const start = clock.now();
  alive = new Alive(peer as unknown as RTCPeerConnection, clock, {
    heard: () => heard++,
    silent: () => silences.push(clock.now() - start),
  });
  channel = peer.channels[0]!;
});

describe('the sign of life', () => {
  it('is given twice a second from when the channel opens until it is given up', async () => {
    await clock.advance(5_000);
    expect(channel.said).toEqual([]);
    channel.open();
    await clock.advance(1_900);
    expect(channel.said).toEqual(['alive', 'alive', 'alive', 'alive']);
    expect([heard, silences]).toEqual([4, []]);
    alive.stop();
    await clock.advance(5_000);
    expect(channel.said).toHaveLength(4);
  });

  it('does not pile up where nothing can be sent', async () => {
    channel.echoes = false;
    channel.open();
    channel.bufferedAmount = 5;
    await clock.advance(5_000);
    expect(channel.said).toHaveLength(1);
  });

  it('that is not returned for a second and a half is told, again and again until it is', async () => {
    channel.open();
    await clock.advance(1_000);
    channel.echoes = false;
    await clock.advance(1_900);
    expect(silences).toEqual([]);
    await clock.advance(1_100);
    expect(silences).toEqual([3_000, 3_500, 4_000]);
    channel.onmessage?.();
    await clock.advance(1_900);
    expect(silences).toHaveLength(3);
  });

  it('that gets lost while media come is no silence before these stop, too', async () => {
    let packets = 0;
    const media = (until: number): void => {
      packets += 10;
      peer.stats.set('line', { type: 'inbound-rtp', packetsReceived: packets });
      if (clock.now() < until) clock.setTimeout(() => media(until), 20);
    };
    channel.open();
    channel.echoes = false;
    media(clock.now() + 10_100);
    await clock.advance(11_900);
    expect(silences).toEqual([]);
    await clock.advance(600);
    expect(silences).toEqual([12_500]);
  });

  it('that is returned while the media are looked at is no silence', async () => {
    channel.echoes = false;
    channel.open();
    await clock.advance(1_400);
    const { getStats } = peer;
    peer.getStats = () => {
      channel.onmessage?.();
      return getStats.call(peer);
    };
    await clock.advance(100);
    expect(silences).toEqual([]);
  });

  it('costs nothing more while it is returned', async () => {
    channel.open();
    await clock.advance(5_000);
    expect(peer.lookups).toBe(0);
  });

  it('that takes its time on a long way is no silence', async () => {
    channel.echoes = false;
    channel.open();
    clock.setTimeout(function back() {
      channel.onmessage?.();
      clock.setTimeout(back, 500);
    }, 1_400);
    await clock.advance(20_000);
    expect(silences).toEqual([]);
  });
});

describe('a page in the background', () => {
  /** Timers come only so often; messages come when they come. */
  const slowed = (milliseconds: number): void => {
    const { setTimeout } = clock;
    clock.setTimeout = (run, wanted) => setTimeout.call(clock, run, Math.max(wanted, milliseconds));
  };

  it.each([1_000, 60_000])('with timers every %i ms hears the server all the same', async (every) => {
    slowed(every);
    channel.open();
    await clock.advance(10 * every);
    expect(channel.said).toHaveLength(11);
    expect(silences).toEqual([]);
  });

  it('with timers every second notices a silence a little later', async () => {
    slowed(1_000);
    channel.echoes = false;
    channel.open();
    await clock.advance(2_000);
    expect(silences).toEqual([2_000]);
  });

  it('that was put to sleep reads what came before it judges', async () => {
    channel.echoes = false;
    channel.open();
    clock.sleep(60_000);
    await clock.advance(0);
    expect(silences).toEqual([]);
    await clock.advance(1_400);
    expect(silences).toEqual([]);
    await clock.advance(100);
    expect(silences).toHaveLength(1);
  });
});
