import type { MediaPlan, MediaState, MediaTrack, Signal, Slots, Source } from '../api/types';
import type { Sending } from './ladder';
import type { SfuLink } from './sfu-link';

/** How the connection to the other end stands. */
export type Connection = 'none' | 'connecting' | 'connected' | 'reconnecting';
export type Path = 'direct' | 'relay' | 'server';
export type { MediaState };
export interface Tracks {
  audio: MediaStreamTrack | null;
  video: MediaStreamTrack | null;
  /** A shared screen, and what it sounds like. */
  screen?: MediaStreamTrack | null;
  screenAudio?: MediaStreamTrack | null;
}

/** What comes from one person. */
export type PersonTracks = Partial<Record<Source, MediaStreamTrack>>;
/** What comes from everybody, by contact id. */
export type Remote = ReadonlyMap<number, PersonTracks>;

export interface SessionEvents {
  send(epoch: number, to: number, signal: Signal): void;
  /** Asks the SFU for its answer; rejects with a RequestError. */
  offer(epoch: number, sdp: string, tracks: MediaTrack[], withdrawn: AbortSignal): Promise<string>;
  /** No direct path came about. */
  pathFailed(epoch: number): void;
  connection(connection: Connection, path: Path | undefined): void;
  /** What comes now, whole. */
  remote(remote: Remote): void;
  /** The connection cannot be mended from here; a new epoch could. */
  broken(): void;
}

/** The seam between a call and how its media flow: peer to peer, or through the server. */
export interface MediaSession {
  /**
   * Makes it so. The same epoch again changes nothing. `people`: how many others there may be to see and hear; `sharers`: who of them
   * shows a screen.
   */
  apply(plan: MediaPlan, people: number, sharers?: readonly number[]): void;
  /** For the next plan, if that goes through the server: its offer goes out with a `join`. */
  bring(link: SfuLink): void;
  /** Something from the other end. May come before the plan of its epoch. */
  signal(epoch: number, signal: Signal): void;
  /** What the server sends on which line. */
  slots(slots: Slots): void;
  /** The server hears nothing on the connection of this epoch. */
  pathLost(epoch: number): void;
  setTracks(tracks: Tracks): void;
  /** No more than that of the camera. */
  limit(sending: Sending): void;
  /** Of the present connection, if there is one. */
  stats(): Promise<RTCStatsReport | undefined>;
  /** Signals may have been lost, or the network has changed: check, and mend what is broken. */
  check(networkChanged: boolean): void;
  /** The epoch of the connection that lives here, or 0. */
  readonly liveEpoch: number;
  close(): void;
}

/** One connection, of one epoch. */
export interface Flow {
  /** It carries media, or may come back to it. */
  readonly alive: boolean;
  /** It has carried media, whether it does now or not. */
  readonly begun: boolean;
  readonly remote: Remote;
  stats(): Promise<RTCStatsReport | undefined>;
  setTracks(tracks: Tracks): void;
  limit(sending: Sending): void;
  check(networkChanged: boolean): void;
  close(): void;
}

/** What a flow tells whoever made it. */
export interface FlowEvents {
  connection(connection: Connection, path: Path | undefined): void;
  /** `remote` has changed. */
  remote(): void;
  broken(): void;
}
