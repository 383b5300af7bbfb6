/** Follows the media plan: one connection per epoch, to the other end or to the server, none while there is nobody. */
import type { MediaPlan, Signal, Slots } from '../api/types';
import type { Clock } from '../signalling/clock';
import { Handover } from './handover';
import { FULL, type Sending } from './ladder';
import { PeerLink } from './peer-link';
import type { Connection, Flow, FlowEvents, MediaSession, Path, Remote, SessionEvents, Tracks } from './session';
import { type SfuEvents, SfuLink } from './sfu-link';
import { relaysOf } from './spare-peer';

/** Signals kept for epochs whose plan has not come yet. */
const EARLY_KEPT = 256;
const NOTHING: Remote = new Map();

export class PlanSession implements MediaSession {
  private plan: MediaPlan | undefined;
  private flow: Flow | undefined;
  private handover: Handover | undefined;
  private early: { epoch: number; signal: Signal }[] = [];
  /** What is shown on a connection whose plan has not come yet: that of a `join` may come after it. */
  private earlySlots: Slots | undefined;
  private tracks: Tracks = { audio: null, video: null };
  private sending = FULL;
  /** The connection of this plan has been connected. */
  private connected = false;

  constructor(
    private readonly connect: (plan: MediaPlan) => RTCPeerConnection,
    private readonly clock: Clock,
    private readonly events: SessionEvents,
    /** Made before its plan was known: while the call rang, or to be offered with the `join`. For the next plan, if that takes it up. */
    private prepared?: SfuLink,
  ) {}

  get liveEpoch(): number {
    return this.flow?.alive ? (this.plan?.epoch ?? 0) : 0;
  }

  apply(plan: MediaPlan, people: number, sharers: readonly number[] = []): void {
    this.switchTo(plan, people);
    if (this.flow instanceof PeerLink) this.flow.shares(sharers.includes(plan.peer ?? -1));
  }

  private switchTo(plan: MediaPlan, people: number): void {
    const known = this.plan;
    const same = known?.epoch === plan.epoch && known.mode === plan.mode && known.peer === plan.peer;
    if (same) return;
    const former = this.retire(plan);
    this.plan = plan;
    this.connected = false;
    const { prepared } = this;
    const flow = this.make(plan, people);
    this.flow = flow;
    flow?.limit(this.sending);
    if (former && flow) {
      // A direct connection goes on by itself; the server does not know that of an old epoch any more.
      const lasting = former instanceof PeerLink;
      this.handover = new Handover(former, flow, lasting, this.clock, () => this.tellRemote());
    }
    if (!flow) this.events.connection('none', undefined);
    else if (!this.formerCounts) this.events.connection('connecting', undefined);
    if (prepared && flow === prepared) this.adopt(prepared, plan);
    if (this.earlySlots) this.slots(this.earlySlots);
    this.tellRemote();
    const early = this.early;
    this.early = early.filter((e) => e.epoch > plan.epoch);
    for (const e of early) if (e.epoch === plan.epoch) this.signal(e.epoch, e.signal);
  }

  bring(link: SfuLink): void {
    this.prepared?.close();
    this.prepared = link;
  }

  signal(epoch: number, signal: Signal): void {
    const current = this.plan?.epoch ?? 0;
    if (this.flow instanceof PeerLink && epoch === current) this.flow.signal(signal);
    else if (epoch >= current && this.early.length < EARLY_KEPT) this.early.push({ epoch, signal });
  }

  slots(slots: Slots): void {
    const current = this.plan?.epoch ?? 0;
    if (slots.epoch > current) this.earlySlots = slots;
    else if (this.flow instanceof SfuLink && slots.epoch === current) this.flow.slots(slots);
  }

  setTracks(tracks: Tracks): void {
    this.tracks = tracks;
    this.flow?.setTracks(tracks);
    // Others may still look at the former.
    this.handover?.setTracks(tracks);
  }

  limit(sending: Sending): void {
    this.sending = sending;
    this.flow?.limit(sending);
  }

  async stats(): Promise<RTCStatsReport | undefined> {
    return this.flow?.stats();
  }

  check(networkChanged: boolean): void {
    this.flow?.check(networkChanged);
  }

  pathLost(epoch: number): void {
    if (this.flow instanceof SfuLink && epoch === this.plan?.epoch) this.flow.pathLost();
  }

  close(): void {
    this.prepared?.close();
    this.prepared = undefined;
    this.handover?.close();
    this.handover = undefined;
    this.flow?.close();
    this.flow = undefined;
    this.plan = undefined;
    this.early = [];
    this.earlySlots = undefined;
    this.tellRemote();
  }

  private get former(): Flow | undefined {
    return this.handover && !this.handover.done ? this.handover.former : undefined;
  }

  /** Gives up what there is, but for the connection whose pictures stay until the next has its own. */
  private retire(plan: MediaPlan): Flow | undefined {
    const { flow, former, handover } = this;
    this.flow = undefined;
    this.handover = undefined;
    // Peer to peer a new epoch means that the other end is another one.
    const kept = plan.mode === 'p2p' ? undefined : flow?.begun ? flow : former;
    if (flow !== kept) flow?.close();
    if (former && former === kept) handover?.stop();
    else handover?.close();
    return kept;
  }

  private make(plan: MediaPlan, people: number): Flow | undefined {
    const { prepared } = this;
    this.prepared = undefined;
    const taken = plan.prepared || (prepared?.isCarried && plan.mode === 'sfu');
    if (prepared && taken) return prepared;
    prepared?.close();
    if (plan.mode === 'sfu') return this.toServer(plan, people);
    return typeof plan.peer === 'number' ? this.toPeer(plan, plan.peer) : undefined;
  }

  private toPeer(plan: MediaPlan, peer: number): PeerLink {
    const { epoch, offerer } = plan;
    const link: PeerLink = new PeerLink(this.connect(plan), { peer, offerer }, this.tracks, this.clock, {
      ...this.flowEvents(() => link),
      send: (signal) => {
        // What the former has to say belongs to an epoch that nobody knows any more.
        if (epoch === this.plan?.epoch) this.events.send(epoch, peer, signal);
      },
      pathFailed: () => {
        if (epoch === this.plan?.epoch) this.events.pathFailed(epoch);
      },
    });
    return link;
  }

  private toServer(plan: MediaPlan, people: number): SfuLink {
    const link: SfuLink = new SfuLink(
      this.connect(plan),
      people,
      this.tracks,
      this.clock,
      this.sfuEvents(plan.epoch, () => link),
    );
    return link;
  }

  private adopt(link: SfuLink, plan: MediaPlan): void {
    const events = this.sfuEvents(plan.epoch, () => link);
    link.adopt(this.tracks, events, relaysOf(plan));
  }

  private sfuEvents(epoch: number, which: () => SfuLink): SfuEvents {
    return {
      ...this.flowEvents(which),
      offer: (sdp, tracks, withdrawn) => this.events.offer(epoch, sdp, tracks, withdrawn),
    };
  }

  private flowEvents(which: () => Flow): FlowEvents {
    return {
      connection: (connection, path) => this.told(which(), connection, path),
      remote: () => this.tellRemote(),
      broken: () => {
        if (which() === this.flow) this.events.broken();
      },
    };
  }

  /** A direct connection goes on until the one to the server is there, and its state is what people see of the call. */
  private get formerCounts(): boolean {
    return this.former !== undefined && this.handover?.lasting === true && !this.connected;
  }

  private told(flow: Flow, connection: Connection, path: Path | undefined): void {
    if (flow === this.flow && connection === 'connected') {
      this.connected = true;
      this.handover?.limit();
    }
    const counting = this.formerCounts ? this.former : this.flow;
    if (flow === counting) this.events.connection(connection, path);
  }

  private tellRemote(): void {
    const remote = this.former ? this.handover?.remote : this.flow?.remote;
    this.events.remote(remote ?? NOTHING);
  }
}
