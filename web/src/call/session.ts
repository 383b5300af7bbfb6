import type { MediaPlan, Signal } from '../api/types';

/** How the connection to the other end stands. */
export type Connection = 'none' | 'connecting' | 'connected' | 'reconnecting' | 'unsupported';
export type Path = 'direct' | 'relay';
export interface MediaState {
  microphone: boolean;
  camera: boolean;
}
export interface Tracks {
  audio: MediaStreamTrack | null;
  video: MediaStreamTrack | null;
}

export interface SessionEvents {
  send(epoch: number, to: number, signal: Signal): void;
  connection(connection: Connection, path: Path | undefined): void;
  /** A new connection starts: what came from the old one is void. */
  remoteReset(): void;
  remoteTrack(track: MediaStreamTrack): void;
  remoteState(state: MediaState): void;
  /** The connection cannot be mended from here; a new epoch could. */
  broken(): void;
}

/** The seam between a call and how its media flow: peer to peer today, through the server later. */
export interface MediaSession {
  /** Makes it so. The same epoch again changes nothing. */
  apply(plan: MediaPlan): void;
  /** Something from the other end. May come before the plan of its epoch. */
  signal(epoch: number, signal: Signal): void;
  setTracks(tracks: Tracks): void;
  setState(state: MediaState): void;
  /** Signals may have been lost, or the network has changed: check, and mend what is broken. */
  check(networkChanged: boolean): void;
  /** The epoch of the connection that lives here, or 0. */
  readonly liveEpoch: number;
  close(): void;
}
