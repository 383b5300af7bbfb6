import { beforeEach, describe, expect, it } from 'vitest';
import type { MediaView } from '../src/api/types';
import { columnsFor } from '../src/call/layout';
import { relays, SparePeer } from '../src/call/spare-peer';
import { fitted, Views } from '../src/call/views';
import { FakeClock } from './fakes';

let clock: FakeClock;
let said: MediaView[][];
let views: Views;

beforeEach(() => {
  clock = new FakeClock();
  said = [];
  views = new Views(clock, (now) => said.push(now));
});

describe('what is to be seen', () => {
  it('is said once when it has come to rest, and whole', async () => {
    views.show(7, 'camera', 100);
    await clock.advance(150);
    views.show(7, 'camera', 359.6);
    views.show(8, 'screen', 0);
    await clock.advance(199);
    expect(said).toEqual([]);
    await clock.advance(1);
    expect(said).toEqual([
      [
        { contact: 7, source: 'camera', height: 360 },
        { contact: 8, source: 'screen', height: 0 },
      ],
    ]);
    views.show(7, 'camera', 360);
    await clock.advance(1_000);
    expect(said).toHaveLength(1);
  });

  it('is nothing while nobody looks at the page, and all of it again after', async () => {
    views.show(7, 'camera', 360);
    views.hide(true);
    await clock.advance(200);
    views.hide(false);
    await clock.advance(200);
    expect(said.map(([view]) => view?.height)).toEqual([0, 360]);
  });

  it('is said again to a server that may have forgotten', async () => {
    views.show(7, 'camera', 360);
    await clock.advance(200);
    views.again();
    await clock.advance(200);
    expect(said).toHaveLength(2);
    expect(said[1]).toEqual(said[0]);
  });

  it('is as high as the picture really gets in its box', () => {
    expect(fitted({ width: 390, height: 844 }, { width: 1280, height: 720 })).toBeCloseTo(219.4, 1);
    expect(fitted({ width: 1920, height: 500 }, { width: 1280, height: 720 })).toBe(500);
    expect(fitted({ width: 160, height: 500 }, { width: 0, height: 0 })).toBe(90);
  });
});

describe('the grid', () => {
  it.each([
    [3, { width: 1200, height: 600 }, 2],
    [3, { width: 360, height: 600 }, 1],
    [9, { width: 1200, height: 600 }, 3],
    [25, { width: 1200, height: 600 }, 7],
    [25, { width: 360, height: 600 }, 4],
    [4, { width: 0, height: 0 }, 1],
  ])('of %i in %o has %i columns', (count, size, columns) => {
    expect(columnsFor(count, size)).toBe(columns);
  });
});

describe('the servers for a connection to the SFU', () => {
  it('are those the plan names with their credentials, whatever was known before', () => {
    const configured: RTCConfiguration[] = [];
    const make = (iceServers: RTCIceServer[]) => {
      const first = { iceServers };
      const setConfiguration = (configuration: RTCConfiguration) => configured.push(configuration);
      return { getConfiguration: () => first, setConfiguration } as unknown as RTCPeerConnection;
    };
    const peer = new SparePeer(make, () => [{ urls: ['stun:a:1'] }]);
    const relay = { urls: ['turns:a:443?transport=tcp'], username: 'u', credential: 'c' };
    peer.warm();
    peer.take({ mode: 'sfu', epoch: 1, offerer: true, iceServers: [relay] });
    peer.warm();
    peer.take({ mode: 'p2p', epoch: 2, offerer: true, peer: 3 });
    expect(configured.map(({ iceServers }) => iceServers)).toEqual([[relay], [{ urls: ['stun:a:1'] }]]);
  });

  it('are relays only: what comes from a STUN server’s address is taken for an answer to STUN', () => {
    const servers = [
      { urls: ['stun:a:1'] },
      { urls: ['stun:a:1', 'turn:a:1', 'turns:a:2'], username: 'u', credential: 'c' },
      { urls: 'turn:b:1' },
    ];
    expect(relays(servers)).toEqual([
      { urls: ['turn:a:1', 'turns:a:2'], username: 'u', credential: 'c' },
      { urls: ['turn:b:1'] },
    ]);
  });
});
