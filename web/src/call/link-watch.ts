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
/** Restarts in a row without success before the link is called broken. */
const RESTARTS = 3;

export class LinkWatch {
  /** Media have flowed. */
  begun = false;
  private restarts = 0;
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
    this.wait(STUCK_MS);
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
    const ice = this.pc.iceConnectionState;
    return this.pc.connectionState === 'connected' && (ice === 'connected' || ice === 'completed');
  }

  private changed(): void {
    if (this.flowing()) {
      this.begun = true;
      this.restarts = 0;
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
    this.restarts += 1;
    if (this.restarts > RESTARTS) {
      this.restarts = 0;
      this.wait(STUCK_MS);
      this.events.broken();
    } else {
      this.events.restart();
    }
  }
}
