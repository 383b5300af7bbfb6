/** The own camera and microphone. Asked for only when somebody clicked, and a refusal never ends a call. */
import type { Tracks } from './session';

export type Device = 'microphone' | 'camera';
/** `denied` by the person or the browser, `missing`, `busy` with another program, `insecure` page, or `failed`. */
export type Why = 'denied' | 'missing' | 'busy' | 'insecure' | 'failed';
export interface Trouble {
  device: Device;
  why: Why;
}
export interface Acquired extends Tracks {
  troubles: Trouble[];
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
  want: { audio: boolean; video: boolean },
  video: MediaTrackConstraints = VIDEO,
): Promise<Acquired> {
  const wanted: Device[] = [];
  if (want.audio) wanted.push('microphone');
  if (want.video) wanted.push('camera');
  if (wanted.length === 0) return { audio: null, video: null, troubles: [] };
  if (!devices) return { audio: null, video: null, troubles: wanted.map((device) => ({ device, why: 'insecure' })) };
  const constraints = { audio: want.audio ? AUDIO : false, video: want.video ? video : false };
  try {
    const stream = await devices.getUserMedia(constraints);
    return { audio: stream.getAudioTracks()[0] ?? null, video: stream.getVideoTracks()[0] ?? null, troubles: [] };
  } catch (error) {
    const [only] = wanted;
    if (wanted.length === 1 && only) return { audio: null, video: null, troubles: [{ device: only, why: why(error) }] };
  }
  // Together they failed, and the error does not say which: ask for each.
  const audio = await acquire(devices, { audio: true, video: false }, video);
  const picture = await acquire(devices, { audio: false, video: true }, video);
  return { audio: audio.audio, video: picture.video, troubles: [...audio.troubles, ...picture.troubles] };
}

function why(error: unknown): Why {
  const name = error instanceof Error || error instanceof DOMException ? error.name : '';
  if (name === 'NotAllowedError' || name === 'SecurityError') return 'denied';
  if (name === 'NotFoundError' || name === 'OverconstrainedError') return 'missing';
  if (name === 'NotReadableError' || name === 'AbortError') return 'busy';
  return 'failed';
}
