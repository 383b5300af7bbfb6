/** Takes still pictures of the camera and sends them while somebody's link carries no video. One after the other, as fast as the link takes them. */
import type { Clock } from '../signalling/clock';
import { Piecewise } from './piecewise';

/** More often than that nobody looks, and the camera's machine has other things to do. */
const FEWEST_MS = 5_000;

export interface StillsOutEnvironment {
  clock: Clock;
  newId(): string;
  /** A JPEG no larger than the server takes; nothing, if the track shows nothing. */
  take(track: MediaStreamTrack): Promise<Uint8Array | undefined>;
  /** Resolves to how much of the picture the server has. Rejects where that could not be learned. */
  put(callId: string, stillId: string, offset: number, size: number, bytes: Uint8Array): Promise<number>;
}

export class StillsOut {
  private wanted: { callId: string; track: MediaStreamTrack; given: AbortController } | undefined;

  constructor(private readonly env: StillsOutEnvironment) {}

  /** Of this track for this call, or none. The same again changes nothing. */
  follow(wanted: { callId: string; track: MediaStreamTrack } | undefined): void {
    if (this.wanted?.callId === wanted?.callId && this.wanted?.track === wanted?.track) return;
    this.wanted?.given.abort();
    this.wanted = wanted && { ...wanted, given: new AbortController() };
    if (this.wanted) void this.run(this.wanted.callId, this.wanted.track, this.wanted.given.signal);
  }

  private async run(callId: string, track: MediaStreamTrack, withdrawn: AbortSignal): Promise<void> {
    const pieces = new Piecewise(this.env.clock);
    while (!withdrawn.aborted) {
      const began = this.env.clock.now();
      const picture = await this.env.take(track).catch(() => undefined);
      if (picture && !withdrawn.aborted) await this.send(pieces, callId, picture, withdrawn);
      const took = this.env.clock.now() - began;
      await pieces.sleep(Math.max(FEWEST_MS - took, took / 2));
    }
  }

  private async send(pieces: Piecewise, callId: string, picture: Uint8Array, withdrawn: AbortSignal): Promise<void> {
    const id = this.env.newId();
    const piece = (from: number, bytes: number) =>
      this.env.put(callId, id, from, picture.length, picture.subarray(from, from + bytes));
    await pieces.all(piece, (at) => at >= picture.length, withdrawn);
  }
}

/** The server's limit. */
const MOST_BYTES = 512 * 1024;
const QUALITIES = [0.85, 0.7, 0.5, 0.3, 0.15];

/** The camera's picture as it is, as large as it is. */
export async function takePicture(track: MediaStreamTrack): Promise<Uint8Array | undefined> {
  const video = document.createElement('video');
  video.muted = true;
  video.playsInline = true;
  video.srcObject = new MediaStream([track]);
  try {
    await video.play();
    const canvas = document.createElement('canvas');
    canvas.width = video.videoWidth;
    canvas.height = video.videoHeight;
    canvas.getContext('2d')?.drawImage(video, 0, 0);
    for (const quality of QUALITIES) {
      const blob = await new Promise<Blob | null>((resolve) => canvas.toBlob(resolve, 'image/jpeg', quality));
      if (blob && blob.size <= MOST_BYTES) return new Uint8Array(await blob.arrayBuffer());
    }
    return undefined;
  } finally {
    video.srcObject = null;
  }
}
