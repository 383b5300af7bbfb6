/**
 * Lets the server hear twice a second that this page is there, and hears from it in return. A browser alone takes seven
 * seconds to notice that nothing comes through any more. Where the network loses much, three echoes in a row may get lost:
 * media that come are as good. Whether anything gets there is what the server looks after.
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
/** After so long without anything the path counts as lost. */
const SILENCE_MS = 1_500;

export class Alive {
  private readonly channel: RTCDataChannel;
  private timer: number | undefined;
  private beaten = 0;
  /** Since when something that was said has had no answer, and nothing else has come. */
  private waiting: number | undefined;
  /** Packets of media, as long as that has to be known. */
  private packets: number | undefined;

  constructor(
    private readonly pc: RTCPeerConnection,
    private readonly clock: Clock,
    private readonly events: AliveEvents,
  ) {
    this.channel = pc.createDataChannel(LABEL, { ordered: false, maxRetransmits: 0 });
    this.channel.onopen = () => this.beat();
    this.channel.onmessage = () => this.heard();
    this.channel.onclose = () => this.stop();
  }

  stop(): void {
    this.clock.clearTimeout(this.timer);
    this.channel.onopen = this.channel.onmessage = this.channel.onclose = null;
  }

  private beat(): void {
    const now = this.clock.now();
    // The page has slept. What came meanwhile may still wait to be read, so that the silence says nothing.
    if (now - this.beaten >= SILENCE_MS) this.waiting = this.packets = undefined;
    this.beaten = now;
    this.timer = this.clock.setTimeout(() => this.beat(), BEAT_MS);
    if (this.waiting === undefined) this.waiting = now;
    else void this.doubt(now - this.waiting >= SILENCE_MS);
    this.say();
  }

  private heard(): void {
    this.waiting = this.packets = undefined;
    this.events.heard();
  }

  /** Something was not answered, and for too long by now if `late`. */
  private async doubt(late: boolean): Promise<void> {
    const packets = await this.received();
    // Answered meanwhile.
    if (this.waiting === undefined) return;
    if (this.packets !== undefined && packets > this.packets) this.heard();
    else if (late) this.events.silent();
    this.packets = packets;
  }

  private async received(): Promise<number> {
    const stats = await this.pc.getStats().catch(() => undefined);
    const lines = [...(stats?.values() ?? [])].filter(({ type }) => type === 'inbound-rtp');
    return lines.reduce((sum, { packetsReceived = 0 }) => sum + packetsReceived, 0);
  }

  private say(): void {
    // What could not be sent yet says the same.
    if (this.channel.readyState === 'open' && this.channel.bufferedAmount === 0) this.channel.send(LABEL);
  }
}
