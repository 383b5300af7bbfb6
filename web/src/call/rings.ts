/** What rings here, and whether anybody can see it, which callers are told. The server says when a ring ends; this keeps a page that is cut off meanwhile from ringing for ever. */
import { SvelteMap } from 'svelte/reactivity';
import type { Ring } from '../api/types';
import type { CallsEnvironment } from './stage';

/** For the frame that ends a ring to come first. */
const LATE_MS = 1_000;

export class Rings extends SvelteMap<string, Ring> {
  /** The server's clock minus ours. */
  private skew = 0;

  constructor(private readonly env: Pick<CallsEnvironment, 'clock' | 'signalling' | 'visible'>) {
    super();
  }

  /** What time it is now, by the server's clock. */
  tellTime(serverTime: string): void {
    this.skew = Date.parse(serverTime) - this.env.clock.now();
  }

  begin(ring: Ring): void {
    this.set(ring.callId, ring);
    const left = Date.parse(ring.until) - (this.env.clock.now() + this.skew) + LATE_MS;
    this.env.clock.setTimeout(() => {
      if (this.get(ring.callId)?.until === ring.until) this.delete(ring.callId);
    }, left);
    this.tellShown(ring);
  }

  /** The page has come into sight. */
  seen(): void {
    for (const ring of this.values()) this.tellShown(ring);
  }

  private tellShown({ callId, popup }: Ring): void {
    this.env.signalling.tell({ type: 'ringShown', callId, seen: popup && this.env.visible() });
  }

  /** It rings no longer; what it was. */
  end(callId: string): Ring | undefined {
    const ring = this.get(callId);
    this.delete(callId);
    return ring;
  }
}
