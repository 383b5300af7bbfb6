/** Whoever is early waits in front of a planned call, and comes in by itself once that begins. */
import type { CallView, Ring } from '../api/types';

export interface EarlyEnvironment {
  readonly inCall: boolean;
  readonly rings: { get(callId: string): Ring | undefined };
  readonly known: { get(callId: string): CallView | undefined };
  accept(ring: Ring, camera: boolean): unknown;
  join(callId: string, label: string, camera: boolean): unknown;
}

export interface Wish {
  callId: string;
  label: string;
  camera: boolean;
}

/** Somebody is in it, or it is not planned for any time. */
export function hasBegun(call: Pick<CallView, 'callStatus' | 'plannedDateTime'>): boolean {
  return call.callStatus === 'Started' || (call.callStatus === 'Planned' && !call.plannedDateTime);
}

export class Early {
  wish = $state.raw<Wish | undefined>();

  constructor(private readonly calls: EarlyEnvironment) {}

  waitsFor(callId: string): boolean {
    return this.wish?.callId === callId;
  }

  /** What is to be done now, if anything. */
  get due(): (() => void) | undefined {
    const { wish, calls } = this;
    if (!wish || calls.inCall) return undefined;
    const ring = calls.rings.get(wish.callId);
    const call = calls.known.get(wish.callId);
    if (!ring && !(call && hasBegun(call))) return undefined;
    return () => {
      this.wish = undefined;
      if (ring) calls.accept(ring, wish.camera);
      else calls.join(wish.callId, wish.label, wish.camera);
    };
  }
}
