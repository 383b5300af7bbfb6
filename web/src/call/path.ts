/** Finds out which way media take: asks the statistics, which may know the selected pair only some time after it is in use. */
import type { Clock } from '../signalling/clock';
import type { Path } from './session';

/** When to ask again while the pair is not known. Browsers answer from a cache for some 50 ms. */
const AGAIN_MS = [100, 250, 500, 1_000, 2_000, 4_000, 8_000];
/** After so many answers what looks direct is called so: candidates that were sent have arrived by then. */
const SURE_AFTER = 4;

export class PathFinder {
  private transport: RTCIceTransport | undefined;
  private timer: number | undefined;
  /** Counts searches: an answer to an earlier one is out of date. */
  private search = 0;

  constructor(
    private readonly pc: RTCPeerConnection,
    private readonly clock: Clock,
    private readonly found: (path: Path) => void,
  ) {}

  /** Media flow, perhaps another way than before. Told again whenever the pair changes, until `stop`. */
  start(): void {
    this.follow();
    this.look();
  }

  stop(): void {
    this.search += 1;
    this.clock.clearTimeout(this.timer);
    if (this.transport) this.transport.onselectedcandidatepairchange = null;
    this.transport = undefined;
  }

  private follow(): void {
    // Everything is bundled: one transport carries all. Not every browser shows it.
    this.transport = this.pc.getTransceivers()[0]?.sender.transport?.iceTransport;
    if (this.transport) this.transport.onselectedcandidatepairchange = () => this.look();
  }

  private look(): void {
    this.search += 1;
    this.clock.clearTimeout(this.timer);
    void this.ask(this.search, 0);
  }

  private async ask(search: number, asked: number): Promise<void> {
    const stats = await this.pc.getStats().catch(() => undefined);
    if (search !== this.search) return;
    const path = stats && pathOf(stats);
    const pause = AGAIN_MS[asked];
    // A relay may still come to light after that.
    if (path === 'unsure' && asked === SURE_AFTER) this.found('direct');
    if (path && path !== 'unsure') this.found(path);
    else if (pause !== undefined) this.timer = this.clock.setTimeout(() => void this.ask(search, asked + 1), pause);
  }
}

/**
 * Whether the pair of addresses in use goes through a TURN server at either end. `unsure`: so far it looks direct, but the
 * other end's address was learnt from its packets, and it may say later that this is its relay.
 */
export function pathOf(stats: RTCStatsReport): Path | 'unsure' | undefined {
  const entries = [...stats.values()];
  const selected = entries.find((s) => s.type === 'transport')?.selectedCandidatePairId;
  const pair = entries.find((s) =>
    selected ? s.id === selected : s.type === 'candidate-pair' && s.nominated && s.state === 'succeeded',
  );
  if (!pair) return undefined;
  const [local, remote] = [stats.get(pair.localCandidateId), stats.get(pair.remoteCandidateId)];
  const relays = entries.filter((s) => s.candidateType === 'relay');
  if (relays.some((relay) => same(relay, local) || same(relay, remote))) return 'relay';
  return remote?.candidateType === 'prflx' ? 'unsure' : 'direct';
}

/** Some browsers correct a candidate when they are told its type, others list it a second time. */
function same(relay: RTCStats & Candidate, end: (RTCStats & Candidate) | undefined): boolean {
  if (!end || relay.type !== end.type) return false;
  if (relay.id === end.id) return true;
  return Boolean(end.address) && relay.address === end.address && relay.port === end.port;
}

interface Candidate {
  address?: string | null;
  port?: number;
}
