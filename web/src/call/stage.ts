/** What a call looks like from the screen, and what its state needs of the world. */
import type { CallView, EndReason, IceServer, RingEndReason, Signal, Slots } from '../api/types';
import type { Telling } from '../signalling/client';
import type { Clock } from '../signalling/clock';
import type { Answer, RequestFrame } from '../signalling/requests';
import type { Memory } from './memory';
import type { MediaState } from './session';
import type { SfuLink } from './sfu-link';
import type { Whom } from './whom';

/** Why the call view closed; `youHungUp` and `unknown` are ours, the rest is the server's word. */
export type Ending = EndReason | 'youHungUp' | 'unknown';

/** What the screen is about. `starting`: asked the server, no answer yet. */
export type Stage =
  | { name: 'none' }
  | { name: 'starting'; label: string }
  | { name: 'active'; callId: string }
  | { name: 'ended'; call: CallView; ending: Ending }
  | { name: 'moved'; callId: string };

/** Something to tell in passing; `code` is an error's code. */
export type Notice = { kind: 'ring'; reason: RingEndReason; who: string } | { kind: 'error'; code: string };

export interface Signalling {
  inCall: boolean;
  /** `withdrawn`: not wanted any more, and not to be sent if it has not been yet. */
  request(frame: RequestFrame, withdrawn?: AbortSignal): Promise<Answer>;
  /** Sends what has no answer. */
  tell(frame: Telling): void;
}

/** What of CallMedia is used here. */
export interface Media {
  readonly liveEpoch: number;
  readonly wanted: MediaState;
  begin(want: MediaState, prepared?: SfuLink): void;
  bring(link: SfuLink): void;
  apply(plan: CallView['mediaPlan'], people: number, sharers: readonly number[]): void;
  signal(epoch: number, signal: Signal): void;
  slots(slots: Slots): void;
  pathLost(epoch: number): void;
  speaks(contact: number | undefined): void;
  /** Tells the others what they get. Said again it does no harm. */
  announce(): void;
  check(networkChanged: boolean): void;
  end(): void;
}

export interface CallsEnvironment {
  signalling: Signalling;
  media: Media;
  memory: Memory;
  /** What was prepared while this call rang, to be used or closed. */
  takePrepared(callId: string): SfuLink | undefined;
  /** A connection to the SFU for so many others, whose offer goes out with a `join`. */
  offering(people: number, relays: IceServer[]): SfuLink;
  clock: Clock;
  /** Whether anybody can see this page. */
  visible(): boolean;
  /** Rejects with an error that has the server's `code`. */
  invite(callId: string, who: Whom): Promise<void>;
}
