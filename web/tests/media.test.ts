import { beforeEach, describe, expect, it } from 'vitest';
import type { MediaPlan } from '../src/api/types';
import { type Acquired, acquire, cameras, type Shared, share, type Want } from '../src/call/devices';
import type { Sending } from '../src/call/ladder';
import { CallMedia } from '../src/call/media.svelte';
import type { MediaSession, MediaState, SessionEvents, Tracks } from '../src/call/session';
import type { SfuLink } from '../src/call/sfu-link';
import { settle, track } from './fakes';

class FakeSession implements MediaSession {
  liveEpoch = 1;
  closed = false;
  tracks: Tracks[] = [];
  planned: number[] = [];
  constructor(readonly events: SessionEvents) {}
  apply(plan: MediaPlan): void {
    this.planned.push(plan.epoch);
  }
  bring(link: SfuLink): void {
    this.brought.push(link);
  }
  brought: SfuLink[] = [];
  signal(): void {}
  slots(): void {}
  pathLost(): void {}
  setTracks(tracks: Tracks): void {
    this.tracks.push(tracks);
  }
  limits: Sending[] = [];
  limit(sending: Sending): void {
    this.limits.push(sending);
  }
  check(): void {}
  async stats(): Promise<undefined> {}
  close(): void {
    this.closed = true;
  }
}

let asked: { want: Want; answer(got: Partial<Acquired>): void }[];
let sessions: FakeSession[];
let media: CallMedia;
let plugged: string[];
let offered: ((got: Partial<Shared>) => void)[];
let suffered = 0;
let connected = 0;
let told: MediaState[];
let remembered: MediaState[];

beforeEach(() => {
  asked = [];
  told = [];
  connected = 0;
  remembered = [];
  plugged = ['front'];
  offered = [];
  sessions = [];
  media = new CallMedia(
    {
      acquire: (want) =>
        new Promise((resolve) => {
          asked.push({ want, answer: (got) => resolve({ audio: null, video: null, troubles: [], ...got }) });
        }),
      cameras: async () => plugged,
      share: () =>
        new Promise((resolve) => offered.push((got) => resolve({ screen: null, screenAudio: null, ...got }))),
      session: (events) => {
        const session = new FakeSession(events);
        sessions.push(session);
        return session;
      },
    },
    {
      send: () => undefined,
      offer: async () => '',
      pathFailed: () => undefined,
      tell: (state) => told.push(state),
      began: () => undefined,
      ending: () => undefined,
      connected: () => connected++,
      broken: () => undefined,
      suffering: () => suffered++,
      switched: (state) => remembered.push(state),
    },
  );
});

async function running() {
  media.begin({ microphone: true, camera: true });
  const tracks = { audio: track('audio'), video: track('video') };
  asked[0]!.answer(tracks);
  await settle();
  return tracks;
}

describe('own devices', () => {
  it('are asked for as wanted, and sent when they are there', async () => {
    media.begin({ microphone: true, camera: false });
    expect(asked.map((a) => a.want)).toEqual([{ audio: true, video: false }]);
    const audio = track('audio');
    asked[0]!.answer({ audio });
    await settle();
    expect(sessions[0]!.tracks.at(-1)).toEqual({ audio, video: null });
  });

  it('that come after the call has ended are switched off', async () => {
    media.begin({ microphone: true, camera: true });
    media.end();
    const tracks = { audio: track('audio'), video: track('video') };
    asked[0]!.answer(tracks);
    await settle();
    expect([tracks.audio.stopped, tracks.video.stopped]).toEqual([true, true]);
    expect(media.videoTrack).toBeNull();
  });

  it('the camera is really off when it is turned off', async () => {
    const { video } = await running();
    media.toggleCamera();
    expect(video.stopped).toBe(true);
    expect(sessions[0]!.tracks.at(-1)?.video).toBeNull();
    expect(told.at(-1)).toEqual({ microphone: true, camera: false });
  });

  it('a camera that comes after it was turned off again is switched off', async () => {
    await running();
    media.toggleCamera();
    media.toggleCamera();
    media.toggleCamera();
    const late = track('video');
    asked[1]!.answer({ video: late });
    await settle();
    expect(late.stopped).toBe(true);
    expect(media.videoTrack).toBeNull();
  });

  it('a camera that is there does not get lost when a second request for it fails', async () => {
    await running();
    media.toggleCamera();
    media.toggleCamera();
    media.toggleCamera();
    media.toggleCamera();
    const video = track('video');
    asked[1]!.answer({ video });
    await settle();
    asked[2]!.answer({ troubles: [{ device: 'camera', why: 'busy' }] });
    await settle();
    expect([media.videoTrack, media.camera, media.troubles]).toEqual([video, true, []]);
    media.end();
    expect(video.stopped).toBe(true);
  });

  it('the microphone is muted, not given back', async () => {
    const { audio } = await running();
    media.toggleMicrophone();
    expect([audio.enabled, audio.stopped]).toEqual([false, false]);
    media.toggleMicrophone();
    expect(audio.enabled).toBe(true);
    expect(asked).toHaveLength(1);
  });

  it('muting while the browser still asks holds', async () => {
    media.begin({ microphone: true, camera: false });
    media.toggleMicrophone();
    const audio = track('audio');
    asked[0]!.answer({ audio });
    await settle();
    expect(audio.enabled).toBe(false);
  });

  it('that are refused are told, and shown as off', async () => {
    media.begin({ microphone: true, camera: true });
    asked[0]!.answer({ audio: track('audio'), troubles: [{ device: 'camera', why: 'missing' }] });
    await settle();
    expect(media.troubles).toEqual([{ device: 'camera', why: 'missing' }]);
    expect([media.microphone, media.camera]).toEqual([true, false]);
    expect(told.at(-1)).toEqual({ microphone: true, camera: false });
  });

  it('unplugged in mid-call are told', async () => {
    const { video } = await running();
    video.onended?.();
    expect(media.camera).toBe(false);
    expect(media.troubles).toEqual([{ device: 'camera', why: 'failed' }]);
  });

  it('that a closing page takes away are not remembered as switched off', async () => {
    const { audio, video } = await running();
    audio.onended?.();
    video.onended?.();
    expect(remembered).toEqual([{ microphone: true, camera: true }]);
    expect(media.wanted).toEqual({ microphone: true, camera: true });
  });

  it('that the person switches are remembered', async () => {
    await running();
    media.toggleMicrophone();
    media.toggleCamera();
    expect(remembered.at(-1)).toEqual({ microphone: false, camera: false });
  });

  it('all stop at the end', async () => {
    const { audio, video } = await running();
    media.end();
    expect([audio.stopped, video.stopped, sessions[0]!.closed]).toEqual([true, true, true]);
  });
});

describe('the choice of cameras', () => {
  async function withCameras(...ids: string[]) {
    plugged = ids;
    media.begin({ microphone: true, camera: true });
    const video = track('video', ids[0]);
    asked.at(-1)!.answer({ audio: track('audio'), video });
    await settle();
    return video;
  }
  async function switched(to: string) {
    void media.switchCamera();
    await settle();
    const video = track('video', to);
    asked.at(-1)!.answer({ video });
    await settle();
    return video;
  }

  it('is there where there is more than one', async () => {
    await withCameras('front');
    expect(media.choice).toBe(false);
    await withCameras('front', 'back');
    expect(media.choice).toBe(true);
  });

  it('goes round, with the one before switched off first', async () => {
    const front = await withCameras('front', 'back');
    void media.switchCamera();
    await settle();
    expect(front.stopped).toBe(true);
    expect(asked.at(-1)!.want).toEqual({ audio: false, video: true, camera: 'back' });
    const back = track('video', 'back');
    asked.at(-1)!.answer({ video: back });
    await settle();
    expect(sessions[0]!.tracks.at(-1)?.video).toBe(back);
    const again = await switched('front');
    expect([asked.at(-1)!.want.camera, back.stopped, media.videoTrack]).toEqual(['front', true, again]);
  });

  it('holds when the camera is turned off and on, and ends with the call', async () => {
    await withCameras('front', 'back');
    await switched('back');
    media.toggleCamera();
    media.toggleCamera();
    expect(asked.at(-1)!.want.camera).toBe('back');
    media.begin({ microphone: true, camera: true });
    expect(asked.at(-1)!.want.camera).toBeUndefined();
  });

  it('of one that cannot be had is not tried for ever', async () => {
    await withCameras('front', 'back');
    void media.switchCamera();
    await settle();
    asked.at(-1)!.answer({ troubles: [{ device: 'camera', why: 'busy' }] });
    await settle();
    expect([media.camera, media.troubles]).toEqual([false, [{ device: 'camera', why: 'busy' }]]);
    media.toggleCamera();
    expect(asked.at(-1)!.want.camera).toBeUndefined();
  });

  it('made twice at once, or as the call ends, switches nothing on', async () => {
    await withCameras('front', 'back');
    void media.switchCamera();
    void media.switchCamera();
    await settle();
    expect(asked).toHaveLength(2);
    media.end();
    const late = track('video', 'back');
    asked[1]!.answer({ video: late });
    await settle();
    expect([late.stopped, media.videoTrack, media.choice]).toEqual([true, null, false]);
  });
});

describe('what the others hear of the devices', () => {
  it('is not promised before the camera is there', async () => {
    media.begin({ microphone: true, camera: true });
    expect(told.at(-1)).toEqual({ microphone: false, camera: false });
    asked[0]!.answer({ audio: track('audio'), video: track('video') });
    await settle();
    expect(told.at(-1)).toEqual({ microphone: true, camera: true });
  });

  it('is told at each change, and again when something may have been lost', async () => {
    await running();
    told.length = 0;
    media.toggleMicrophone();
    media.toggleCamera();
    media.check(false);
    media.announce();
    expect(told).toEqual([
      { microphone: false, camera: true },
      { microphone: false, camera: false },
      { microphone: false, camera: false },
      { microphone: false, camera: false },
    ]);
  });
});

describe('the others', () => {
  const sfu: MediaPlan = { mode: 'sfu', epoch: 3, peer: null, offerer: true };

  it('what comes from them is shown as the session tells it, and gone with the call', async () => {
    await running();
    const camera = track('video');
    sessions[0]!.events.remote(new Map([[7, { camera }]]));
    expect(media.remote.get(7)?.camera).toBe(camera);
    media.end();
    expect(media.remote.size).toBe(0);
  });

  it('who speaks is known while the server tells', async () => {
    await running();
    media.apply(sfu, 2);
    media.speaks(7);
    media.apply(sfu, 2);
    expect(media.speaker).toBe(7);
    media.apply({ mode: 'p2p', epoch: 4, peer: 2, offerer: true }, 1);
    expect(media.speaker).toBeUndefined();
    expect(sessions[0]!.planned).toEqual([3, 3, 4]);
  });

  it('are told anew what is to be seen whenever the way to them is there', async () => {
    await running();
    for (const state of ['connecting', 'connected', 'connected', 'reconnecting', 'connected'] as const) {
      sessions[0]!.events.connection(state, undefined);
    }
    expect(connected).toBe(2);
  });
});

describe('a connection that stops flowing', () => {
  it('is told once, so that the way to the server is looked at', async () => {
    await running();
    suffered = 0;
    for (const state of [
      'connecting',
      'connected',
      'reconnecting',
      'reconnecting',
      'connected',
      'reconnecting',
    ] as const) {
      sessions[0]!.events.connection(state, undefined);
    }
    expect(suffered).toBe(2);
  });

  it('keeps its path while it is only looked up again', async () => {
    await running();
    sessions[0]!.events.connection('connected', 'relay');
    sessions[0]!.events.connection('connected', undefined);
    expect(media.path).toBe('relay');
    sessions[0]!.events.connection('reconnecting', undefined);
    sessions[0]!.events.connection('connected', undefined);
    expect(media.path).toBeUndefined();
  });
});

describe('acquire', () => {
  const refuse = (name: string) => Promise.reject(new DOMException('', name));
  const stream = (...tracks: MediaStreamTrack[]) =>
    ({
      getAudioTracks: () => tracks.filter((t) => t.kind === 'audio'),
      getVideoTracks: () => tracks.filter((t) => t.kind === 'video'),
    }) as MediaStream;

  it('takes what works where both together fail', async () => {
    const audio = track('audio');
    const devices = {
      getUserMedia: (c: MediaStreamConstraints) => (c.video ? refuse('NotFoundError') : Promise.resolve(stream(audio))),
    };
    const got = await acquire(devices, { audio: true, video: true });
    expect(got).toEqual({ audio, video: null, troubles: [{ device: 'camera', why: 'missing' }] });
  });

  it('says why', async () => {
    const whys = [];
    for (const name of ['NotAllowedError', 'NotFoundError', 'NotReadableError', 'TypeError']) {
      const got = await acquire({ getUserMedia: () => refuse(name) }, { audio: true, video: false });
      whys.push(got.troubles[0]?.why);
    }
    expect(whys).toEqual(['denied', 'missing', 'busy', 'failed']);
  });

  it('asks for nothing when nothing is wanted', async () => {
    const got = await acquire({ getUserMedia: () => refuse('never') }, { audio: false, video: false });
    expect(got.troubles).toEqual([]);
  });

  it('knows that an insecure page has no devices', async () => {
    const got = await acquire(undefined, { audio: true, video: true });
    expect(got.troubles.map((t) => t.why)).toEqual(['insecure', 'insecure']);
  });
});

describe('the camera asked for', () => {
  const wanted = async (want: Partial<Want>) => {
    const constraints: MediaStreamConstraints[] = [];
    const getUserMedia = async (c: MediaStreamConstraints) => {
      constraints.push(c);
      return { getAudioTracks: () => [], getVideoTracks: () => [] } as unknown as MediaStream;
    };
    await acquire({ getUserMedia }, { audio: false, video: true, ...want });
    return constraints[0]?.video;
  };

  it('is that which was chosen, or one that looks the right way if there is one', async () => {
    expect(await wanted({ facing: 'environment' })).toMatchObject({ facingMode: 'environment' });
    expect(await wanted({ facing: 'environment', camera: 'back' })).toMatchObject({ deviceId: { exact: 'back' } });
    expect(await wanted({ facing: 'environment', camera: 'back' })).not.toHaveProperty('facingMode');
  });

  it('is one of those that have a name', async () => {
    const device = (kind: MediaDeviceKind, deviceId: string) => ({ kind, deviceId }) as MediaDeviceInfo;
    const all = [device('videoinput', 'a'), device('audioinput', 'b'), device('videoinput', '')];
    expect(await cameras({ enumerateDevices: async () => all })).toEqual(['a']);
    expect(await cameras({ enumerateDevices: () => Promise.reject(new Error()) })).toEqual([]);
    expect(await cameras(undefined)).toEqual([]);
  });
});

describe('a shared screen', () => {
  const shown = () => sessions[0]!.tracks.at(-1);

  async function sharing() {
    await running();
    const [screen, screenAudio] = [track('video'), track('audio')];
    void media.toggleScreen();
    offered[0]!({ screen, screenAudio });
    await settle();
    return { screen, screenAudio };
  }

  it('is sent beside the camera, and the others are told', async () => {
    const { screen, screenAudio } = await sharing();
    expect(shown()).toMatchObject({ video: media.videoTrack, screen, screenAudio });
    expect(told.at(-1)).toEqual({ microphone: true, camera: true, screen: true });
    expect(remembered.at(-1)).toEqual({ microphone: true, camera: true });
  });

  it('ends by our button and by the one of the browser', async () => {
    for (const end of [() => void media.toggleScreen(), () => media.screenTrack?.onended?.(new Event('ended'))]) {
      offered = [];
      const { screen, screenAudio } = await sharing();
      end();
      expect([screen.stopped, screenAudio.stopped, media.screenTrack]).toEqual([true, true, null]);
      expect(told.at(-1)).toEqual({ microphone: true, camera: true });
      expect(shown()).not.toHaveProperty('screen');
      media.end();
      sessions = [];
      asked = [];
    }
  });

  it('ends with the call, also one that is chosen too late', async () => {
    const { screen } = await sharing();
    media.end();
    expect(screen.stopped).toBe(true);
    media.begin({ microphone: false, camera: false });
    void media.toggleScreen();
    media.end();
    const late = track('video');
    offered[1]!({ screen: late });
    await settle();
    expect([late.stopped, media.screenTrack]).toEqual([true, null]);
  });

  it('that nobody chose is nothing to tell of, one that could not be had is', async () => {
    await running();
    for (const [got, troubles] of [
      [{}, []],
      [{ why: 'failed' }, [{ device: 'screen', why: 'failed' }]],
    ] as const) {
      void media.toggleScreen();
      offered.at(-1)!(got);
      await settle();
      expect(media.troubles).toEqual(troubles);
    }
  });

  it.each([
    ['NotAllowedError', 'Permission denied by user', undefined],
    ['NotAllowedError', 'Permission denied by system', 'denied'],
    ['NotReadableError', 'Could not start', 'failed'],
  ])('%s, "%s", means %s', async (name, message, expected) => {
    const devices = { getDisplayMedia: () => Promise.reject(new DOMException(message, name)) };
    expect((await share(devices)).why).toBe(expected);
  });
});

describe('a weak link of its own', () => {
  const plan = { epoch: 1, mode: 'sfu' } as MediaPlan;
  const weak = [
    { id: 'T', type: 'transport', selectedCandidatePairId: 'P' },
    { id: 'P', type: 'candidate-pair', availableOutgoingBitrate: 70_000 },
    { id: 'V', type: 'outbound-rtp', kind: 'video', active: true, mediaSourceId: 'S' },
  ];
  const stats = (all: object[]) => new Map(Object.entries(all)) as unknown as RTCStatsReport;
  let at = 0;
  const measure = (all: object[], report: object) => {
    at += 2_500;
    media.measured(at, stats(all), report);
  };
  const sends = () => told.at(-1)?.sends;

  async function measured(all: object[], report: object, looks = 2) {
    await running();
    media.apply(plan, 2);
    for (let look = 0; look < looks; look += 1) measure(all, report);
  }

  it('makes it send less, and say so', async () => {
    await measured(weak, { limitedBy: 'bandwidth' });
    expect(sessions[0]!.limits.at(-1)).toEqual({ rung: 'stills', kbit: undefined });
    expect(sends()).toEqual({ rung: 'stills', reason: 'link' });
    media.toggleCamera();
    expect(sends()).toBeUndefined();
  });

  it('is seen by a picture that the browser leaves out altogether', async () => {
    await measured(weak, {});
    expect(sends()).toEqual({ rung: 'stills', reason: 'link' });
  });

  it('is said of no more once a trial straight to the other end has shown so', async () => {
    await running();
    media.apply({ epoch: 1, mode: 'p2p' } as MediaPlan, 2);
    const { limits } = sessions[0]!;
    for (let look = 0; look < 2; look += 1) measure(weak, { limitedBy: 'bandwidth' });
    expect([media.rung, limits.at(-1)?.rung]).toEqual(['stills', 'stills']);
    const [path, , line] = weak;
    const well = [path!, { ...weak[1], currentRoundTripTime: 0.04 }, { ...line, targetBitrate: 90_000 }];
    const trips = (seconds: number) => [path!, { ...weak[1], currentRoundTripTime: seconds }, line!];
    measure(trips(0.04), {});
    for (let look = 0; look < 20; look += 1) measure(trips(0.4), {});
    expect([media.rung, limits.at(-1)?.rung]).toEqual(['audio', 'audio']);
    for (let look = 0; look < 3; look += 1) measure(well, {});
    expect(sends()).toEqual({ rung: 'stills', reason: 'link' });
    expect(limits.at(-1)?.rung).toBe('full');
    const { length } = limits;
    for (let look = 0; look < 3; look += 1) measure(well, {});
    expect(sends()).toBeUndefined();
    expect(media.rung).toBe('full');
    expect(limits.length).toBe(length);
  });

  it('is not what keeps a slow machine from encoding', async () => {
    await measured(weak, { limitedBy: 'cpu' }, 10);
    expect(sends()).toBeUndefined();
  });

  it('is forgotten with the call', async () => {
    await measured(weak, { limitedBy: 'bandwidth' });
    media.begin({ microphone: true, camera: true });
    media.apply(plan, 2);
    expect(media.sending.rung).toBe('full');
    measure([], {});
    expect(media.sending.rung).toBe('full');
  });

  it('is said of a picture that goes out smaller than the camera takes it', async () => {
    const { video } = await running();
    video.getSettings = () => ({ height: 720, deviceId: 'front' });
    media.apply(plan, 2);
    for (let look = 0; look < 4; look += 1) measure([], { limitedBy: 'bandwidth', heightOut: 360 });
    expect(sends()).toBeUndefined();
    const enough = [weak[0]!, { ...weak[1], availableOutgoingBitrate: 300_000 }];
    for (let look = 0; look < 4; look += 1) measure(enough, { limitedBy: 'bandwidth', heightOut: 720 });
    expect(sends()).toBeUndefined();
    for (let look = 0; look < 4; look += 1) measure(enough, { limitedBy: 'bandwidth', heightOut: 360 });
    expect(sends()).toEqual({ rung: 'smaller', reason: 'link' });
    // Of two pictures that go out it is not known which is the smaller one.
    void media.toggleScreen();
    offered[0]!({ screen: track('video') });
    await settle();
    for (let look = 0; look < 4; look += 1) measure(enough, { limitedBy: 'bandwidth', heightOut: 360 });
    expect(sends()).toBeUndefined();
  });
});
