import { beforeEach, describe, expect, it } from 'vitest';
import { pathOf } from '../src/call/path';
import { PeerLink } from '../src/call/peer-link';
import { FakePeer } from './fake-peer';
import { FakeClock, settle } from './fakes';

const stats = (local: string, remote: string) =>
  new Map<string, object>([
    ['t', { type: 'transport', selectedCandidatePairId: 'p2' }],
    [
      'p1',
      {
        id: 'p1',
        type: 'candidate-pair',
        nominated: true,
        state: 'succeeded',
        localCandidateId: 'r',
        remoteCandidateId: 'r',
      },
    ],
    ['p2', { id: 'p2', type: 'candidate-pair', localCandidateId: 'l', remoteCandidateId: 'm' }],
    ['l', { id: 'l', type: 'local-candidate', candidateType: local }],
    ['m', { id: 'm', type: 'remote-candidate', candidateType: remote }],
    ['r', { id: 'r', type: 'local-candidate', candidateType: 'relay' }],
  ]);
const report = (local: string, remote: string) => stats(local, remote) as unknown as RTCStatsReport;

let clock: FakeClock;
let peer: FakePeer;
let link: PeerLink;
let told: [string, string | undefined][];

beforeEach(() => {
  clock = new FakeClock();
  peer = new FakePeer();
  told = [];
  link = new PeerLink(
    peer as unknown as RTCPeerConnection,
    { peer: 2, offerer: true },
    { audio: null, video: null },
    clock,
    {
      send: () => undefined,
      connection: (connection, path) => told.push([connection, path]),
      remote: () => undefined,
      pathFailed: () => undefined,
      broken: () => undefined,
    },
  );
});

async function flow(): Promise<void> {
  peer.become('connected', 'connected');
  await settle();
}
const paths = () => told.flatMap(([, path]) => path ?? []);

describe('the path', () => {
  it('is that of the selected pair', () => {
    expect(pathOf(report('host', 'srflx'))).toBe('direct');
    expect(pathOf(report('host', 'relay'))).toBe('relay');
    expect(pathOf(report('relay', 'host'))).toBe('relay');
    expect(pathOf(new Map() as unknown as RTCStatsReport)).toBeUndefined();
  });

  it('to an address that was learnt from packets is not called direct before it must be', async () => {
    peer.stats = stats('host', 'prflx');
    await flow();
    expect(paths()).toEqual([]);
    await clock.advance(2_000);
    expect(paths()).toEqual(['direct']);
  });

  it('is a relay’s as soon as the other end has said so', async () => {
    peer.stats = stats('host', 'prflx');
    await flow();
    peer.stats = stats('host', 'relay');
    await clock.advance(100);
    expect(paths()).toEqual(['relay']);
  });

  it('is a relay’s even if the other end says so late', async () => {
    peer.stats = stats('host', 'prflx');
    await flow();
    await clock.advance(2_000);
    peer.stats = stats('host', 'relay');
    await clock.advance(4_000);
    expect(paths()).toEqual(['direct', 'relay']);
    await clock.advance(60_000);
    expect(paths()).toEqual(['direct', 'relay']);
  });

  it.each([
    ['remote-candidate', 3478, 'relay'],
    ['remote-candidate', 3479, 'unsure'],
    ['local-candidate', 3478, 'unsure'],
  ])('is a relay’s where the address is listed a second time as one (%s, %i)', (type, port, path) => {
    const at = { address: '192.0.2.7', port: 3478 };
    const listed = stats('host', 'prflx');
    listed.set('m', { ...listed.get('m'), id: 'm', ...at });
    listed.set('x', { id: 'x', type, candidateType: 'relay', ...at, port });
    expect(pathOf(listed as unknown as RTCStatsReport)).toBe(path);
  });

  it('is not a relay’s because two addresses are hidden', () => {
    const listed = stats('host', 'prflx');
    listed.set('m', { ...listed.get('m'), id: 'm', address: null, port: 0 });
    listed.set('x', { id: 'x', type: 'remote-candidate', candidateType: 'relay', address: null, port: 0 });
    expect(pathOf(listed as unknown as RTCStatsReport)).toBe('unsure');
  });

  it('is asked for again while the statistics do not name the pair yet', async () => {
    await flow();
    await clock.advance(1_500);
    expect(paths()).toEqual([]);
    peer.stats = stats('host', 'srflx');
    await clock.advance(1_000);
    expect(told.at(-1)).toEqual(['connected', 'direct']);
  });

  it('once known is not asked for again', async () => {
    peer.stats = stats('host', 'host');
    await flow();
    await clock.advance(60_000);
    expect([paths(), peer.lookups]).toEqual([['direct'], 1]);
  });

  it('that is never named is given up', async () => {
    await flow();
    await clock.advance(600_000);
    expect(peer.lookups).toBe(8);
    expect(told.at(-1)).toEqual(['connected', undefined]);
  });

  it('is asked for anew when another pair is selected', async () => {
    const iceTransport = { onselectedcandidatepairchange: null as (() => void) | null };
    peer.transceivers[0]!.sender.transport = { iceTransport };
    peer.stats = stats('relay', 'host');
    await flow();
    peer.stats = stats('host', 'host');
    iceTransport.onselectedcandidatepairchange?.();
    await settle();
    expect(paths()).toEqual(['relay', 'direct']);
    link.close();
    expect(iceTransport.onselectedcandidatepairchange).toBeNull();
  });

  it.each([
    ['lost', () => peer.become('connected', 'disconnected')],
    ['closed', () => link.close()],
  ])('of a connection that is %s meanwhile is not told', async (_, end) => {
    await flow();
    await clock.advance(200);
    end();
    const { length } = told;
    peer.stats = stats('host', 'host');
    await clock.advance(1_500);
    expect(told).toHaveLength(length);
  });

  it('that comes when the connection is lost again is not told', async () => {
    peer.stats = stats('host', 'host');
    peer.become('connected', 'connected');
    peer.become('connected', 'disconnected');
    await settle();
    expect(told.at(-1)).toEqual(['reconnecting', undefined]);
  });

  it('is asked for again after an answer that failed', async () => {
    const working = peer.getStats;
    peer.getStats = () => Promise.reject(new Error());
    await flow();
    peer.stats = stats('host', 'host');
    peer.getStats = working;
    await clock.advance(100);
    expect(paths()).toEqual(['direct']);
  });
});
