import { beforeEach, describe, expect, it } from 'vitest';
import type { MediaTrack, Slot } from '../src/api/types';
import type { Sending } from '../src/call/ladder';
import { offering } from '../src/call/offering';
import type { Connection, Path } from '../src/call/session';
import { type SfuEvents, SfuLink } from '../src/call/sfu-link';
import { RequestError } from '../src/signalling/requests';
import { FakePeer } from './fake-peer';
import { FakeClock, FakeTrack, settle, track } from './fakes';

let clock: FakeClock;
let peer: FakePeer;
let offers: {
  sdp: string;
  tracks: MediaTrack[];
  withdrawn: AbortSignal;
  answer(sdp?: string): void;
  refuse(code: string): void;
}[];
let told: [Connection, Path | undefined][];
let changes: number;
let broken: number;

beforeEach(() => {
  clock = new FakeClock();
  peer = new FakePeer();
  offers = [];
  told = [];
  changes = 0;
  broken = 0;
});

function link(people = 1): SfuLink {
  const tracks = { audio: track('audio'), video: null };
  return new SfuLink(peer as unknown as RTCPeerConnection, people, tracks, clock, answerable());
}

function answerable(): SfuEvents {
  return {
    connection: (...state) => told.push(state),
    remote: () => changes++,
    broken: () => broken++,
    offer: (sdp, tracks, withdrawn) =>
      new Promise((resolve, reject) => {
        const answer = (sdp = `answer-${offers.length}`) => resolve(sdp);
        offers.push({ sdp, tracks, withdrawn, answer, refuse: (code) => reject(new RequestError(code)) });
      }),
  };
}

async function connected(people = 1): Promise<SfuLink> {
  const made = link(people);
  await settle();
  offers[0]!.answer();
  await settle();
  peer.become('connected', 'connected');
  return made;
}

const shown = (link: SfuLink, slots: Slot[], missing = 0) =>
  link.slots({ type: 'slots', callId: 'c', epoch: 1, slots, missing });
const lines = (kind: string, direction: string) =>
  peer.transceivers.filter((line) => line.receiver.track.kind === kind && line.direction === direction);
/** What is shown in the first lines of each kind: two slots a person. */
const people = (count: number): Slot[] =>
  Array.from({ length: count }, (_, i) => [
    { mid: lines('audio', 'recvonly')[i]!.mid!, contact: i + 2, source: 'microphone' as const },
    { mid: lines('video', 'recvonly')[i]!.mid!, contact: i + 2, source: 'camera' as const },
  ]).flat();

describe('the offer', () => {
  it('has a line for each track, layers of the camera from the lowest up, and a data channel', async () => {
    link();
    await settle();
    expect([lines('audio', 'sendonly').length, lines('video', 'sendonly').length]).toEqual([2, 2]);
    const [camera] = lines('video', 'sendonly');
    expect(camera!.sendEncodings?.map(({ rid }) => rid)).toEqual(['q', 'h', 'f']);
    expect(camera!.sendEncodings?.map((layer) => layer.scaleResolutionDownBy)).toEqual([4, 2, 1]);
    const manner = { ordered: false, maxRetransmits: 0 };
    expect(peer.channels.map(({ label, manner }) => ({ label, manner }))).toEqual([{ label: 'alive', manner }]);
    expect(offers[0]!.tracks).toEqual([
      { mid: '0', source: 'microphone' },
      { mid: '1', source: 'camera' },
      { mid: '10', source: 'screenAudio' },
      { mid: '11', source: 'screen' },
    ]);
    expect(peer.transceivers.some((line) => line.direction === 'sendrecv')).toBe(false);
  });

  it.each([
    [1, 4],
    [3, 4],
    [6, 7],
    [100, 40],
  ])('with %i other people has %i lines of each kind to receive on', (others, expected) => {
    link(others);
    expect([lines('audio', 'recvonly').length, lines('video', 'recvonly').length]).toEqual([expected, expected]);
  });

  it('is answered once, and switching devices needs no other', async () => {
    const made = await connected();
    expect(peer.remoteDescription?.type).toBe('answer');
    const video = track('video');
    made.setTracks({ audio: null, video });
    await settle();
    expect(lines('audio', 'sendonly')[0]!.sender.track).toBeNull();
    expect(lines('video', 'sendonly')[0]!.sender.track).toBe(video);
    expect(offers).toHaveLength(1);
    expect(told.at(-1)).toEqual(['connected', 'server']);
  });

  it('needs no other for a screen, which is sent in one size', async () => {
    const made = await connected();
    const screen = new FakeTrack('video', '', { width: 320, height: 180 }) as unknown as MediaStreamTrack;
    made.setTracks({ audio: null, video: null, screen, screenAudio: track('audio') });
    await settle();
    const [camera, shared] = lines('video', 'sendonly').map(({ sender }) => sender);
    expect([camera!.track, shared!.track]).toEqual([null, screen]);
    expect(shared!.parameters.encodings).toEqual([{ scalabilityMode: 'L1T3', maxBitrate: 2_500_000 }]);
    made.setTracks({ audio: null, video: null });
    await settle();
    expect(lines('audio', 'sendonly')[1]!.sender.track).toBeNull();
    expect(shared!.track).toBeNull();
    expect(offers).toHaveLength(1);
  });

  it.each([
    [1280, 720, [4, 2, 1]],
    [720, 1280, [4, 2, 1]],
    [640, 480, [2, 1, undefined]],
    [320, 180, [1, undefined, undefined]],
  ])(
    'of a picture of %i × %i has the sizes that are sent of it, the whole one among them',
    async (width, height, scales) => {
      const made = await connected();
      const camera = new FakeTrack('video', '', { width, height }) as unknown as MediaStreamTrack;
      made.setTracks({ audio: null, video: camera });
      await settle();
      const { encodings } = lines('video', 'sendonly')[0]!.sender.parameters;
      expect(encodings.map((layer) => (layer.active ? layer.scaleResolutionDownBy : undefined))).toEqual(scales);
      expect(encodings.map(({ rid }) => rid)).toEqual(['q', 'h', 'f']);
    },
  );

  it('has as many of them as may be sent', async () => {
    const made = await connected();
    const camera = new FakeTrack('video', '', { width: 1280, height: 720 }) as unknown as MediaStreamTrack;
    made.setTracks({ audio: null, video: camera });
    const sent = async () => {
      await settle();
      const { encodings } = lines('video', 'sendonly')[0]!.sender.parameters;
      return encodings.map((layer) => (layer.active ? layer.maxBitrate : 0));
    };
    const rates = (sending: Sending) => {
      made.limit(sending);
      return sent();
    };
    await settle();
    expect(await rates({ rung: 'stills' })).toEqual([0, 0, 0]);
    expect(await rates({ rung: 'smaller', kbit: 100 })).toEqual([100_000, 0, 0]);
    expect(await rates({ rung: 'smaller', kbit: 700 })).toEqual([150_000, 500_000, 0]);
    expect(await rates({ rung: 'full' })).toEqual([150_000, 500_000, 1_700_000]);
    made.setTracks({ audio: null, video: null });
    await settle();
    made.limit({ rung: 'audio' });
    made.setTracks({ audio: null, video: camera });
    expect(await sent()).toEqual([0, 0, 0]);
  });

  it('that a busy server cannot answer is made again, one that is out of date is not', async () => {
    link();
    await settle();
    offers[0]!.refuse('overloaded');
    await settle();
    await clock.advance(2_000);
    expect(offers).toHaveLength(2);
    offers[1]!.refuse('stale_epoch');
    await settle();
    await clock.advance(5_000);
    expect(offers).toHaveLength(2);
  });

  it('is withdrawn, and its answer void, once the connection is given up', async () => {
    const made = link();
    await settle();
    made.close();
    expect(offers[0]!.withdrawn.aborted).toBe(true);
    offers[0]!.answer();
    await settle();
    expect([peer.remoteDescription, peer.closed]).toEqual([null, true]);
  });
});

describe('slots', () => {
  it('say whose track a line carries, and a line that shows somebody else moves its track', async () => {
    const made = await connected();
    const [a1, a2] = lines('audio', 'recvonly');
    const [v1] = lines('video', 'recvonly');
    shown(made, [
      { mid: a1!.mid!, contact: 7, source: 'microphone' },
      { mid: v1!.mid!, contact: 7, source: 'camera' },
      { mid: a2!.mid!, contact: 8, source: 'microphone' },
    ]);
    expect(made.remote.get(7)).toEqual({ microphone: a1!.receiver.track, camera: v1!.receiver.track });
    expect(made.remote.get(8)).toEqual({ microphone: a2!.receiver.track });
    shown(made, [{ mid: v1!.mid!, contact: 8, source: 'screen' }]);
    expect([...made.remote]).toEqual([[8, { screen: v1!.receiver.track }]]);
    expect(changes).toBe(2);
  });

  it('that are missing are added by one more offer, however often that is said', async () => {
    const made = await connected();
    shown(made, people(4), 2);
    shown(made, people(4), 2);
    await settle();
    expect(offers).toHaveLength(2);
    expect([lines('audio', 'recvonly').length, lines('video', 'recvonly').length]).toEqual([6, 6]);
    offers[1]!.answer();
    await settle();
    shown(made, people(6), 1);
    await settle();
    expect(offers).toHaveLength(3);
    expect(peer.iceRestarts).toBe(0);
  });

  it('are added of the kind that is used up only, and not without end', async () => {
    const made = await connected();
    const sounds = people(4).filter(({ source }) => source === 'microphone');
    shown(made, sounds, 1);
    await settle();
    expect([lines('audio', 'recvonly').length, lines('video', 'recvonly').length]).toEqual([5, 4]);
    offers[1]!.answer();
    await settle();
    shown(made, [...sounds, { ...sounds[0]!, mid: lines('audio', 'recvonly')[4]!.mid! }], 1_000);
    await settle();
    expect(lines('audio', 'recvonly')).toHaveLength(40);
  });
});

describe('a connection that suffers', () => {
  it('is restarted by a new offer: after two seconds, at once when it failed, or when asked to look', async () => {
    const made = await connected();
    peer.become('connected', 'disconnected');
    expect(told.at(-1)).toEqual(['reconnecting', undefined]);
    await clock.advance(1_900);
    expect(offers).toHaveLength(1);
    await clock.advance(100);
    expect([offers.length, peer.iceRestarts]).toEqual([2, 1]);
    offers[1]!.answer();
    peer.become('connected', 'connected');
    peer.become('failed', 'failed');
    await clock.advance(0);
    expect([offers.length, peer.iceRestarts]).toEqual([3, 2]);
    offers[2]!.answer();
    peer.become('connected', 'connected');
    made.check(false);
    await settle();
    expect(offers).toHaveLength(3);
    made.check(true);
    await settle();
    expect([offers.length, peer.iceRestarts]).toEqual([4, 3]);
  });

  it('is restarted as soon as nothing comes back, and not again for three seconds', async () => {
    await connected();
    const channel = peer.channels[0]!;
    channel.open();
    channel.echoes = false;
    await clock.advance(1_900);
    expect([told.at(-1), peer.iceRestarts]).toEqual([['connected', 'server'], 0]);
    await clock.advance(100);
    expect([told.at(-1), peer.iceRestarts]).toEqual([['reconnecting', undefined], 1]);
    offers[1]!.answer();
    await clock.advance(2_900);
    expect(peer.iceRestarts).toBe(1);
    await clock.advance(100);
    expect(peer.iceRestarts).toBe(2);
    channel.onmessage?.();
    expect(told.at(-1)).toEqual(['connected', 'server']);
  });

  it('is restarted when the server says that it hears nothing, once with what this end notices', async () => {
    const made = await connected();
    const channel = peer.channels[0]!;
    channel.open();
    channel.echoes = false;
    await clock.advance(1_500);
    made.pathLost();
    made.pathLost();
    await clock.advance(1_000);
    expect([offers.length, peer.iceRestarts]).toEqual([2, 1]);
    peer.become('connected', 'checking');
    peer.become('connected', 'connected');
    expect(told.at(-1)).toEqual(['connected', 'server']);
    offers[1]!.answer();
    made.check(false);
    await settle();
    expect(offers).toHaveLength(2);
  });

  it('is not restarted for a silence before it ever was connected, or once it is given up', async () => {
    const made = link();
    await settle();
    made.pathLost();
    offers[0]!.answer();
    await settle();
    peer.become('connected', 'connected');
    peer.channels[0]!.echoes = false;
    peer.channels[0]!.open();
    made.close();
    await clock.advance(5_000);
    expect([offers.length, peer.channels[0]!.said.length]).toEqual([1, 1]);
  });

  it('that stays silent is called broken after as long as one that failed', async () => {
    await connected();
    peer.channels[0]!.echoes = false;
    peer.channels[0]!.open();
    for (let second = 0; second < 25; second += 1) {
      offers.at(-1)!.answer();
      await clock.advance(1_000);
    }
    expect(broken).toBe(0);
    await clock.advance(1_000);
    expect([broken, peer.iceRestarts]).toEqual([1, 8]);
  });

  it('is restarted once for all that happens while an offer waits for its answer', async () => {
    const made = await connected();
    made.check(true);
    await settle();
    made.check(true);
    made.check(true);
    expect(offers).toHaveLength(2);
    offers[1]!.answer();
    await settle();
    expect([offers.length, peer.iceRestarts]).toEqual([3, 2]);
  });

  it('is called broken when the server refuses what it took before', async () => {
    const made = await connected();
    made.check(true);
    await settle();
    offers[1]!.refuse('sdp_refused');
    await settle();
    expect(broken).toBe(1);
  });

  it('is called broken after three restarts in vain', async () => {
    const made = await connected();
    peer.become('failed', 'failed');
    for (let i = 1; i <= 3; i += 1) {
      await clock.advance(i === 1 ? 0 : 8_000);
      offers[i]!.answer();
      await settle();
    }
    expect([peer.iceRestarts, broken]).toEqual([3, 0]);
    await clock.advance(8_000);
    expect([peer.iceRestarts, broken, made.alive]).toEqual([3, 1, false]);
  });

  it('is not called broken for what was mended before', async () => {
    await connected();
    peer.become('failed', 'failed');
    await clock.advance(0);
    offers[1]!.answer();
    await clock.advance(5_000);
    peer.become('connected', 'connected');
    await clock.advance(60_000);
    peer.become('failed', 'failed');
    await clock.advance(0);
    expect([peer.iceRestarts, broken]).toEqual([2, 0]);
  });
});

describe('a weak link of one’s own', () => {
  const WEAK = 300;
  type Layer = RTCRtpEncodingParameters & { scalabilityMode?: string };
  const believes = (kbit: number, fractionLost = 0) => {
    lines('audio', 'sendonly')[0]!.sender.stats = new Map<string, object>([
      ['T', { id: 'T', type: 'transport', selectedCandidatePairId: 'P' }],
      ['P', { id: 'P', type: 'candidate-pair', availableOutgoingBitrate: kbit * 1000 }],
      ['R', { id: 'R', type: 'remote-inbound-rtp', kind: 'audio', fractionLost }],
    ]);
  };
  const withCamera = async () => {
    const made = await connected();
    const video = new FakeTrack('video', '', { width: 1280, height: 720 }) as unknown as MediaStreamTrack;
    made.setTracks({ audio: track('audio'), video });
    await settle();
    return made;
  };
  const layers = () =>
    lines('video', 'sendonly')[0]!.sender.parameters.encodings.map((layer: Layer) =>
      layer.active ? [layer.scaleResolutionDownBy, layer.scalabilityMode] : undefined,
    );
  const several = [4, 2, 1].map((scale) => [scale, 'L1T3']);

  it('is sent frames over that all depend on each other, for as long as it is weak', async () => {
    await withCamera();
    believes(WEAK);
    await clock.advance(1_000);
    expect(layers()).toEqual(several);
    await clock.advance(1_000);
    expect(layers()).toEqual([4, 2, 1].map((scale) => [scale, 'L1T1']));
    expect(peer.offers).toBe(1);
    believes(2_000);
    await clock.advance(2_000);
    expect(layers()).toEqual(several);
    expect(offers).toHaveLength(1);
  });

  it('is probed when the answer is read again, which the server hears nothing of', async () => {
    const made = await withCamera();
    believes(WEAK);
    await clock.advance(3_000);
    const read = peer.offers;
    await clock.advance(1_000);
    expect([peer.offers, offers.length]).toEqual([read + 1, 1]);
    expect(peer.remoteDescription).toEqual({ type: 'answer', sdp: 'answer-1' });
    made.close();
    const { sender } = lines('audio', 'sendonly')[0]!;
    const before = sender.lookups;
    await clock.advance(60_000);
    expect([peer.offers, sender.lookups]).toEqual([read + 1, before]);
  });

  it('is not probed with an answer that does not fit: while lines are added, or after a refusal', async () => {
    const made = await withCamera();
    believes(WEAK);
    made.check(true);
    await clock.advance(5_000);
    shown(made, people(4), 1);
    offers[1]!.answer();
    await settle();
    expect([peer.offers, offers.length]).toEqual([3, 3]);
    offers[2]!.answer();
    await settle();
    made.check(true);
    await clock.advance(3_500);
    offers[3]!.refuse('overloaded');
    await clock.advance(1_900);
    expect([peer.offers, offers.length]).toEqual([4, 4]);
  });

  it('is looked at once there is one', async () => {
    link();
    peer.become('connecting', 'checking');
    await clock.advance(5_000);
    expect(lines('audio', 'sendonly')[0]!.sender.lookups).toBe(0);
  });

  const answer = (types: string, camera: string[] = []) =>
    [
      `m=audio 9 UDP/TLS/RTP/SAVPF ${types}`,
      'a=mid:0',
      'a=recvonly',
      'a=rtpmap:63 red/48000/2',
      'm=video 9 UDP/TLS/RTP/SAVPF 96',
      ...camera,
      'a=mid:1',
      'a=recvonly',
      '',
    ].join('\r\n');

  it('is probed by another limit each time, and has sound repeated as the answer says then', async () => {
    const made = link();
    await settle();
    offers[0]!.answer(answer('63 111'));
    await settle();
    peer.become('connected', 'connected');
    made.setTracks({ audio: null, video: track('video') });
    const read = () => peer.remoteDescription?.sdp;
    expect(read()).toBe(answer('111 63'));
    believes(WEAK);
    await clock.advance(4_000);
    expect(read()).toBe(answer('111 63', ['b=AS:10001']));
    await clock.advance(5_000);
    expect(read()).toBe(answer('111 63', ['b=AS:10000']));
    believes(WEAK, 0.05);
    await clock.advance(1_000);
    expect(read()).toBe(answer('63 111', ['b=AS:10000']));
    made.check(true);
    await settle();
    // The newest is what is read again.
    offers[1]!.answer(answer('63 9 111'));
    await settle();
    expect(read()).toBe(answer('63 9 111', ['b=AS:10000']));
    believes(WEAK, 0);
    await clock.advance(11_000);
    expect(read()?.startsWith('m=audio 9 UDP/TLS/RTP/SAVPF 9 111 63')).toBe(true);
  });

  it('leaves the picture alone when only sound is repeated', async () => {
    await withCamera();
    const { sender } = lines('video', 'sendonly')[0]!;
    const { parameters } = sender;
    believes(2_000, 0.05);
    await clock.advance(3_000);
    expect([sender.parameters === parameters, peer.offers]).toEqual([true, 2]);
  });

  it('whose answer cannot be read again can still be mended', async () => {
    const made = await withCamera();
    const accept = peer.setRemoteDescription.bind(peer);
    peer.setRemoteDescription = () => Promise.reject(new Error('not like that'));
    believes(WEAK, 0.05);
    await clock.advance(1_000);
    peer.setRemoteDescription = accept;
    made.check(true);
    await settle();
    offers[1]!.answer();
    await settle();
    expect([peer.remoteDescription?.sdp, peer.iceRestarts]).toEqual(['answer-2', 1]);
  });

  it('that loses sound has it repeated, camera or not', async () => {
    await connected();
    believes(WEAK, 0.05);
    await clock.advance(1_000);
    expect([peer.offers, offers.length]).toEqual([2, 1]);
    await clock.advance(60_000);
    expect(peer.offers).toBe(2);
  });

  it('is left alone while an offer is on its way', async () => {
    const made = await withCamera();
    believes(WEAK, 0.05);
    made.check(true);
    await settle();
    await clock.advance(5_000);
    expect([peer.offers, offers.length]).toEqual([2, 2]);
    offers[1]!.answer();
    await settle();
    expect(peer.signalingState).toBe('stable');
  });
});

describe('what the server would like the sizes to take', () => {
  const sized = async (width: number, height: number) => {
    const made = await connected();
    const video = new FakeTrack('video', '', { width, height }) as unknown as MediaStreamTrack;
    made.setTracks({ audio: track('audio'), video });
    await settle();
    return made;
  };
  const told = async (made: SfuLink, ...rates: [rid: string, kbitPerSecond: number][]) => {
    const named = rates.map(([rid, kbitPerSecond]) => ({ rid, kbitPerSecond }));
    made.slots({ type: 'slots', callId: 'c', epoch: 1, slots: [], missing: 0, rates: named });
    await settle();
  };
  const kbits = () => {
    const { encodings } = lines('video', 'sendonly')[0]!.sender.parameters;
    return encodings.map(({ active, maxBitrate = 0 }) => (active ? maxBitrate / 1000 : 0));
  };

  it('raises the smallest and lowers the next, until it is said no more', async () => {
    const made = await sized(1280, 720);
    expect(kbits()).toEqual([150, 500, 1700]);
    // Three quarters of which it gets beside a larger one.
    await told(made, ['q', 240]);
    expect(kbits()).toEqual([320, 500, 1700]);
    await told(made, ['q', 240], ['h', 280]);
    expect(kbits()).toEqual([320, 280, 1700]);
    await told(made);
    expect(kbits()).toEqual([150, 500, 1700]);
  });

  it('is never the other way round, nor without end', async () => {
    const made = await sized(1920, 1080);
    await told(made, ['q', 50], ['h', 5_000], ['x', 100]);
    expect(kbits()).toEqual([150, 500, 1700]);
    await told(made, ['q', 5_000]);
    expect(kbits()).toEqual([600, 500, 1700]);
  });

  it('holds within a budget', async () => {
    const made = await sized(1280, 720);
    made.limit({ rung: 'full', kbit: 200 });
    await told(made, ['q', 240]);
    expect(kbits()).toEqual([200, 0, 0]);
  });

  it('is set once, however often it is said', async () => {
    const made = await sized(1280, 720);
    const { sender } = lines('video', 'sendonly')[0]!;
    await told(made, ['q', 240]);
    const { parameters } = sender;
    await told(made, ['q', 240]);
    expect(sender.parameters).toBe(parameters);
  });
});

describe('an offer that a join carries', () => {
  const events = {
    connection: (...state: [Connection, Path | undefined]) => told.push(state),
    remote: () => changes++,
    broken: () => broken++,
    offer: () => new Promise<string>((resolve) => offers.push({ answer: () => resolve('own answer') } as never)),
  };
  const relay = { urls: ['turns:calls.example.com:443?transport=tcp'], username: 'a', credential: 'b' };
  const none = { audio: null, video: null };
  const made = () => offering(peer as unknown as RTCPeerConnection, 1, clock);

  it('is answered by what the join brings, and later offers are not', async () => {
    const link = made();
    expect(await link.unanswered()).toMatchObject({
      sdp: 'my-offer-1',
      tracks: [{ mid: '0', source: 'microphone' }, {}, {}, {}],
    });
    link.adopt({ audio: track('audio'), video: null }, events, []);
    link.joined('answer');
    await settle();
    expect([peer.remoteDescription?.sdp, offers.length, told.at(-1)]).toEqual(['answer', 0, ['connecting', undefined]]);
    expect(peer.transceivers[0]!.sender.track).not.toBeNull();
    peer.become('connected', 'connected');
    link.check(true);
    await settle();
    offers[0]!.answer();
    await settle();
    expect([peer.remoteDescription?.sdp, peer.iceRestarts]).toEqual(['own answer', 1]);
  });

  it('is made in the usual way where the join brings none', async () => {
    const link = made();
    await link.unanswered();
    link.adopt(none, events, []);
    link.joined(undefined);
    await settle();
    offers[0]!.answer();
    await settle();
    expect([peer.remoteDescription?.sdp, offers.length, link.isCarried]).toEqual(['own answer', 1, false]);
  });

  it('is left to its own answer if the server has it from before', async () => {
    const link = made();
    await link.unanswered();
    link.adopt(none, events, []);
    link.joined(undefined, true);
    await settle();
    expect([offers.length, peer.closed]).toEqual([0, false]);
  });

  describe('and that was made while it rang', () => {
    let link: SfuLink;

    /** Its own answer is still on its way when the join goes out. */
    beforeEach(async () => {
      link = new SfuLink(peer as unknown as RTCPeerConnection, 0, none, clock, answerable(), true);
      await settle();
      await link.unanswered();
      expect(link.answered).toBe(false);
    });

    it.each(['not_in_call', 'overloaded'])('is answered by the join if it is refused by itself (%s)', async (code) => {
      offers[0]!.refuse(code);
      await settle();
      link.adopt(none, answerable(), []);
      link.joined('answer');
      await clock.advance(5_000);
      expect([peer.remoteDescription?.sdp, offers.length]).toEqual(['answer', 1]);
    });

    it('is made again if neither has an answer for it, though the plan takes it up', async () => {
      offers[0]!.refuse('sdp_refused');
      await settle();
      link.adopt(none, answerable(), []);
      link.joined(undefined, true);
      await settle();
      expect(offers).toHaveLength(2);
    });

    it('is told itself what is wrong with later offers', async () => {
      link.adopt(none, answerable(), []);
      link.joined(undefined, true);
      offers[0]!.refuse('overloaded');
      await settle();
      await clock.advance(2_000);
      expect(offers).toHaveLength(2);
    });

    it.each(['answer', undefined])('is restarted if its own answer is of a connection that is gone', async (sdp) => {
      offers[0]!.answer();
      await settle();
      link.adopt(none, answerable(), []);
      link.joined(sdp);
      await settle();
      expect([offers.length, peer.iceRestarts]).toEqual([2, 1]);
      offers[1]!.answer();
      await settle();
      expect([peer.remoteDescription?.sdp, peer.signalingState]).toEqual(['answer-2', 'stable']);
    });
  });

  it('is none where none can be made', async () => {
    peer.setLocalDescription = () => Promise.reject(new Error('no'));
    expect(await made().unanswered()).toBeUndefined();
  });

  it('is not made again while the join takes its time', async () => {
    const link = made();
    await link.unanswered();
    await clock.advance(9_000);
    link.adopt(none, events, []);
    link.joined('answer');
    await settle();
    expect([peer.remoteDescription?.sdp, offers.length, peer.iceRestarts]).toEqual(['answer', 0, 0]);
  });

  it('is none once it is answered, or given up', async () => {
    const answered = link();
    await settle();
    offers[0]!.answer();
    await settle();
    expect([answered.answered, await answered.unanswered()]).toEqual([true, undefined]);
    peer = new FakePeer();
    const closed = made();
    closed.close();
    expect([await closed.unanswered(), closed.isCarried]).toEqual([undefined, false]);
  });

  it('goes by the relays of the plan soon, where nothing else leads there', async () => {
    peer.configuration = { bundlePolicy: 'max-bundle' };
    const link = made();
    await link.unanswered();
    link.adopt(none, events, [relay]);
    link.joined('answer');
    await clock.advance(2_900);
    expect([peer.iceRestarts, peer.configuration.iceServers]).toEqual([0, undefined]);
    await clock.advance(100);
    expect([peer.iceRestarts, peer.configuration]).toEqual([1, { bundlePolicy: 'max-bundle', iceServers: [relay] }]);
  });

  it('goes by those it was made with, if there were any', async () => {
    peer.configuration = { iceServers: [relay] };
    const link = made();
    await link.unanswered();
    link.adopt(none, events, [{ ...relay, username: 'c' }]);
    link.joined('answer');
    await clock.advance(8_000);
    expect([peer.iceRestarts, peer.configuration.iceServers]).toEqual([1, [relay]]);
  });
});
