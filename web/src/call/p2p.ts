/** Media between two pages. Follows the plan: one PeerLink per epoch, none while alone. */
import type { MediaPlan, Signal } from '../api/types';
import type { Clock } from '../signalling/clock';
import { PeerLink } from './peer-link';
import type { MediaSession, MediaState, SessionEvents, Tracks } from './session';

/** Signals kept for epochs whose plan has not come yet. */
const EARLY_KEPT = 256;

export class P2pSession implements MediaSession {
  private link: PeerLink | undefined;
  private plan: MediaPlan | undefined;
  private early: { epoch: number; signal: Signal }[] = [];
  private tracks: Tracks = { audio: null, video: null };
  private state: MediaState | undefined;

  constructor(
    private readonly connect: () => RTCPeerConnection,
    private readonly clock: Clock,
    private readonly events: SessionEvents,
  ) {}

  get liveEpoch(): number {
    return this.link?.alive ? (this.plan?.epoch ?? 0) : 0;
  }

  apply(plan: MediaPlan): void {
    const same = this.plan?.epoch === plan.epoch && this.plan.mode === plan.mode && this.plan.peer === plan.peer;
    if (same) return;
    this.unlink();
    this.plan = plan;
    if (plan.mode !== 'p2p') {
      this.events.connection('unsupported', undefined);
      return;
    }
    if (plan.peer === null || plan.peer === undefined) {
      this.events.connection('none', undefined);
      return;
    }
    const { epoch, peer } = plan;
    this.link = new PeerLink(this.connect(), plan.offerer, this.tracks, this.clock, {
      send: (signal) => this.events.send(epoch, peer, signal),
      connection: (connection, path) => this.events.connection(connection, path),
      remoteTrack: (track) => this.events.remoteTrack(track),
      broken: () => this.events.broken(),
    });
    this.sendState();
    const early = this.early;
    this.early = early.filter((e) => e.epoch > epoch);
    for (const e of early) if (e.epoch === epoch) this.receive(e.signal);
  }

  signal(epoch: number, signal: Signal): void {
    const current = this.plan?.epoch ?? 0;
    if (this.link && epoch === current) this.receive(signal);
    else if (epoch >= current && this.early.length < EARLY_KEPT) this.early.push({ epoch, signal });
  }

  setTracks(tracks: Tracks): void {
    this.tracks = tracks;
    this.link?.setTracks(tracks);
  }

  setState(state: MediaState): void {
    this.state = state;
    this.sendState();
  }

  check(networkChanged: boolean): void {
    this.link?.check(networkChanged);
    this.sendState();
  }

  close(): void {
    this.unlink();
    this.plan = undefined;
    this.early = [];
  }

  private receive(signal: Signal): void {
    if (signal.kind === 'mediaState') {
      this.events.remoteState({ microphone: signal.microphone, camera: signal.camera });
    } else {
      this.link?.signal(signal);
    }
  }

  private sendState(): void {
    const peer = this.plan?.peer;
    if (!this.state || !this.link || !this.plan || typeof peer !== 'number') return;
    this.events.send(this.plan.epoch, peer, { kind: 'mediaState', ...this.state });
  }

  private unlink(): void {
    if (!this.link) return;
    this.link.close();
    this.link = undefined;
    this.events.remoteReset();
  }
}
