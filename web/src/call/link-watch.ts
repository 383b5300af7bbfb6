/** Watches whether media flow over a connection, and says when it is to be mended. The same for both kinds of connection. */
import type { Clock } from '../signalling/clock';

export interface WatchEvents {
  changed(state: 'connecting' | 'connected' | 'reconnecting'): void;
  /** ICE is to be restarted. */
  restart(): void;
  /** Restarting did not help. */
  broken(): void;
}

/** `disconnected` often mends itself; after this long it did not. */
const DISCONNECTED_MS = 2_000;
/** A connection that is not there after this long gets another try. */
const STUCK_MS = 8_000;
/** After so long of restarts without success the link is called broken. */
const HOPELESS_MS = 3 * STUCK_MS;
/** A restart has so long to find another path before silence asks for the next one. */
const PATIENCE_MS = 3_000;

export class LinkWatch {
  /** Media have flowed. */
  begun = false;
  /** The browser thinks that it is connected, and nothing comes through. */
  private silent = false;
  /** When the first restart was that has not helped yet. */
  private since: number | undefined;
  private patientUntil = 0;
  private timer: number | undefined;
  private stopped = false;

  constructor(
    private readonly pc: RTCPeerConnection,
    private readonly clock: Clock,
    private readonly events: WatchEvents,
  ) {
    pc.onconnectionstatechange = () => this.changed();
    pc.oniceconnectionstatechange = () => this.changed();
    this.wait(STUCK_MS);
  }

  get alive(): boolean {
    return !this.stopped && this.begun && this.pc.connectionState !== 'failed';
  }

  /** A restart has begun: gives it time. */
  restarted(): void {
    this.patientUntil = this.clock.now() + PATIENCE_MS;
    this.wait(STUCK_MS);
  }

  /** Something has come through. */
  heard(): void {
    if (this.silent && this.connected()) this.changed();
  }

  /** Nothing comes through, whatever the browser thinks. May be said as often as one likes. */
  lost(): void {
    if (this.stopped || !this.begun) return;
    if (!this.silent) this.events.changed('reconnecting');
    this.silent = true;
    if (this.clock.now() >= this.patientUntil) this.mend();
  }

  /** Says how it stands to whoever listens now, and gives it time from now on. */
  again(patience = STUCK_MS): void {
    this.wait(patience);
    this.changed();
  }

  check(networkChanged: boolean): void {
    if (networkChanged || !this.flowing()) this.events.restart();
  }

  stop(): void {
    this.stopped = true;
    this.clock.clearTimeout(this.timer);
    this.pc.onconnectionstatechange = this.pc.oniceconnectionstatechange = null;
  }

  private flowing(): boolean {
    return this.connected() && !this.silent;
  }

  private connected(): boolean {
    const ice = this.pc.iceConnectionState;
    return this.pc.connectionState === 'connected' && (ice === 'connected' || ice === 'completed');
  }

  private changed(): void {
    if (this.connected()) {
      // A path that was silent has been found anew: ICE has tried it.
      this.silent = false;
      this.begun = true;
      this.since = undefined;
      this.clock.clearTimeout(this.timer);
      this.events.changed('connected');
      return;
    }
    this.events.changed(this.begun ? 'reconnecting' : 'connecting');
    const ice = this.pc.iceConnectionState;
    if (ice === 'failed' || this.pc.connectionState === 'failed') this.wait(0);
    else if (ice === 'disconnected') this.wait(DISCONNECTED_MS);
  }

  private wait(milliseconds: number): void {
    this.clock.clearTimeout(this.timer);
    if (!this.stopped) this.timer = this.clock.setTimeout(() => this.mend(), milliseconds);
  }

  private mend(): void {
    if (this.flowing()) return;
    const now = this.clock.now();
    this.since ??= now;
    if (now - this.since < HOPELESS_MS) {
      this.events.restart();
    } else {
      this.since = undefined;
      this.patientUntil = now + STUCK_MS;
      this.wait(STUCK_MS);
      this.events.broken();
    }
  }
}
