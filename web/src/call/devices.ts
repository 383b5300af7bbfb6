/** The own camera and microphone. Asked for only when somebody clicked, and a refusal never ends a call. */
import type { Tracks } from './session';

export type Device = 'microphone' | 'camera';
/** `denied` by the person or the browser, `missing`, `busy` with another program, `insecure` page, or `failed`. */
export type Why = 'denied' | 'missing' | 'busy' | 'insecure' | 'failed';
export interface Trouble {
  device: Device | 'screen';
  why: Why;
}
export interface Acquired extends Tracks {
  troubles: Trouble[];
}

/** `camera`: the id of a certain one. `facing`: which one to begin with on a phone. */
export interface Want {
  audio: boolean;
  video: boolean;
  camera?: string;
  facing?: 'user' | 'environment';
}

/** A screen to show, or why there is none; without either the person has thought better of it. */
export interface Shared {
  screen: MediaStreamTrack | null;
  screenAudio: MediaStreamTrack | null;
  why?: Extract<Why, 'denied' | 'failed'>;
}

export interface DevicesLike {
  getUserMedia(constraints: MediaStreamConstraints): Promise<MediaStream>;
}

const AUDIO: MediaTrackConstraints = { echoCancellation: true, noiseSuppression: true, autoGainControl: true };
const VIDEO: MediaTrackConstraints = {
  width: { ideal: 1280 },
  height: { ideal: 720 },
  frameRate: { ideal: 30, max: 30 },
};

/** `video` overrides the size and rate asked for, for weak machines. */
export async function acquire(
  devices: DevicesLike | undefined,
  want: Want,
  video: MediaTrackConstraints = VIDEO,
): Promise<Acquired> {
  const wanted: Device[] = [];
  if (want.audio) wanted.push('microphone');
  if (want.video) wanted.push('camera');
  if (wanted.length === 0) return { audio: null, video: null, troubles: [] };
  if (!devices) return { audio: null, video: null, troubles: wanted.map((device) => ({ device, why: 'insecure' })) };
  const constraints = { audio: want.audio ? AUDIO : false, video: want.video ? { ...video, ...which(want) } : false };
  try {
    const stream = await devices.getUserMedia(constraints);
    const [audio = null, video = null] = [stream.getAudioTracks()[0], stream.getVideoTracks()[0]];
    // What moves is to move; a screen, on the contrary, is to be read.
    if (video) video.contentHint = 'motion';
    return { audio, video, troubles: [] };
  } catch (error) {
    const [only] = wanted;
    if (wanted.length === 1 && only) return { audio: null, video: null, troubles: [{ device: only, why: why(error) }] };
  }
  // Together they failed, and the error does not say which: ask for each.
  const audio = await acquire(devices, { ...want, video: false }, video);
  const picture = await acquire(devices, { ...want, audio: false }, video);
  return { audio: audio.audio, video: picture.video, troubles: [...audio.troubles, ...picture.troubles] };
}

function which({ camera, facing }: Want): MediaTrackConstraints {
  if (camera !== undefined) return { deviceId: { exact: camera } };
  return facing ? { facingMode: facing } : {};
}

/** Lets the person choose a screen, a window or a tab. */
export async function share(devices: Pick<MediaDevices, 'getDisplayMedia'>): Promise<Shared> {
  try {
    const stream = await devices.getDisplayMedia({ video: { frameRate: { ideal: 15, max: 30 } }, audio: true });
    const [screen = null, screenAudio = null] = [stream.getVideoTracks()[0], stream.getAudioTracks()[0]];
    if (screen) screen.contentHint = 'detail';
    return { screen, screenAudio };
  } catch (error) {
    const refused = why(error) === 'denied';
    // Whoever closes the list of screens knows that there is none; what the system forbids nobody has chosen.
    const bySystem = error instanceof Error && error.message.includes('system');
    if (refused && !bySystem) return { screen: null, screenAudio: null };
    return { screen: null, screenAudio: null, why: refused ? 'denied' : 'failed' };
  }
}

/** The ids of the cameras there are; known only after one was allowed. */
export async function cameras(devices: Pick<MediaDevices, 'enumerateDevices'> | undefined): Promise<string[]> {
  const found = (await devices?.enumerateDevices().catch(() => [])) ?? [];
  return found.filter(({ kind, deviceId }) => kind === 'videoinput' && deviceId).map(({ deviceId }) => deviceId);
}

function why(error: unknown): Why {
  const name = error instanceof Error || error instanceof DOMException ? error.name : '';
  if (name === 'NotAllowedError' || name === 'SecurityError') return 'denied';
  if (name === 'NotFoundError' || name === 'OverconstrainedError') return 'missing';
  if (name === 'NotReadableError' || name === 'AbortError') return 'busy';
  return 'failed';
}
