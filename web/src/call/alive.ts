/**
 * Lets the server hear twice a second that this page is there, and hears from it in return. A browser alone takes seven
 * seconds to notice that nothing comes through any more.
 */
import type { Clock } from '../signalling/clock';

export interface AliveEvents {
  /** Something has come back. */
  heard(): void;
  /** Nothing has come back for too long. Said again with every beat. */
  silent(): void;
}

/** The server sends back what comes on a channel of this name. */
const LABEL = 'alive';
const BEAT_MS = 500;
/** After so long without an echo the path counts as lost. */
const SILENCE_MS = 1_500;

export class Alive {
  private readonly channel: RTCDataChannel;
  private timer: number | undefined;
  private beaten = 0;
  /** When the first thing was said that nothing has come back for yet. */
  private waiting: number | undefined;

  constructor(
    pc: RTCPeerConnection,
    private readonly clock: Clock,
    private readonly events: AliveEvents,
  ) {
    this.channel = pc.createDataChannel(LABEL, { ordered: false, maxRetransmits: 0 });
    this.channel.onopen = () => this.beat();
    this.channel.onmessage = () => {
      this.waiting = undefined;
      this.events.heard();
    };
    this.channel.onclose = () => this.stop();
  }

  stop(): void {
    this.clock.clearTimeout(this.timer);
    this.channel.onopen = this.channel.onmessage = this.channel.onclose = null;
  }

  private beat(): void {
    const now = this.clock.now();
    // The page has slept. What came meanwhile may still wait to be read, so that the silence says nothing.
    if (now - this.beaten >= SILENCE_MS) this.waiting = undefined;
    this.beaten = now;
    this.waiting ??= now;
    this.timer = this.clock.setTimeout(() => this.beat(), BEAT_MS);
    this.say();
    if (now - this.waiting >= SILENCE_MS) this.events.silent();
  }

  private say(): void {
    // What could not be sent yet says the same.
    if (this.channel.readyState === 'open' && this.channel.bufferedAmount === 0) this.channel.send(LABEL);
  }
}
