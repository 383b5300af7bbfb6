/**
 * One RTCPeerConnection for one epoch: offer and answer, candidates, ICE restarts. Both ends keep exactly two
 * transceivers, audio and video, whatever is switched on, so that nothing ever has to be negotiated again but ICE.
 */
import type { Signal } from '../api/types';
import type { Clock } from '../signalling/clock';
import { PathFinder } from './path';
import type { Connection, Path, Tracks } from './session';

export interface LinkEvents {
  send(signal: Signal): void;
  connection(connection: Connection, path: Path | undefined): void;
  remoteTrack(track: MediaStreamTrack): void;
  broken(): void;
}

/** `disconnected` often mends itself; after this long it did not. */
const DISCONNECTED_MS = 2_000;
/** A connection that is not there after this long gets another try. */
const STUCK_MS = 8_000;
/** Restarts in a row without success before the link is called broken. */
const RESTARTS = 3;

export class PeerLink {
  private readonly senders: { audio?: RTCRtpSender; video?: RTCRtpSender } = {};
  private readonly path: PathFinder;
  private work: Promise<void> = Promise.resolve();
  private candidates: RTCIceCandidateInit[] = [];
  private restarts = 0;
  private restartWanted = false;
  private wasConnected = false;
  private timer: number | undefined;
  private closed = false;

  constructor(
    private readonly pc: RTCPeerConnection,
    private readonly offerer: boolean,
    private tracks: Tracks,
    private readonly clock: Clock,
    private readonly events: LinkEvents,
  ) {
    this.path = new PathFinder(pc, clock, (path) => events.connection('connected', path));
    pc.onicecandidate = ({ candidate }) => this.sendCandidate(candidate);
    pc.ontrack = ({ track }) => events.remoteTrack(track);
    pc.onconnectionstatechange = () => this.connectionChanged();
    pc.oniceconnectionstatechange = () => this.connectionChanged();
    this.watch(STUCK_MS);
    events.connection('connecting', undefined);
    if (offerer) {
      this.senders.audio = pc.addTransceiver('audio', { direction: 'sendrecv' }).sender;
      this.senders.video = pc.addTransceiver('video', { direction: 'sendrecv' }).sender;
      this.sendTracks();
      this.queue(() => this.offer());
    }
  }

  signal(signal: Signal): void {
    if (signal.kind === 'offer') this.queue(() => this.offered(signal.sdp));
    else if (signal.kind === 'answer') this.queue(() => this.answered(signal.sdp));
    else if (signal.kind === 'candidate') this.queue(() => this.candidate(signal));
    else if (signal.kind === 'restart' && this.offerer) this.restart();
  }

  setTracks(tracks: Tracks): void {
    this.tracks = tracks;
    this.sendTracks();
  }

  get alive(): boolean {
    return !this.closed && this.wasConnected && this.pc.connectionState !== 'failed';
  }

  check(networkChanged: boolean): void {
    if (networkChanged || !this.flowing()) this.restart();
  }

  close(): void {
    this.closed = true;
    this.clock.clearTimeout(this.timer);
    this.path.stop();
    this.pc.onicecandidate = this.pc.ontrack = null;
    this.pc.onconnectionstatechange = this.pc.oniceconnectionstatechange = null;
    this.pc.close();
  }

  /** Runs one step of the negotiation after the other; a step that fails leaves it to the watch to try again. */
  private queue(step: () => Promise<void>): void {
    this.work = this.work.then(async () => {
      if (!this.closed) await step().catch(() => undefined);
    });
  }

  private async offer(): Promise<void> {
    await this.pc.setLocalDescription();
    this.events.send({ kind: 'offer', sdp: this.pc.localDescription?.sdp ?? '' });
  }

  private async offered(sdp: string): Promise<void> {
    await this.pc.setRemoteDescription({ type: 'offer', sdp });
    for (const transceiver of this.pc.getTransceivers()) {
      const kind = transceiver.receiver.track.kind as 'audio' | 'video';
      transceiver.direction = 'sendrecv';
      this.senders[kind] = transceiver.sender;
    }
    this.sendTracks();
    await this.pc.setLocalDescription();
    this.events.send({ kind: 'answer', sdp: this.pc.localDescription?.sdp ?? '' });
    await this.flushCandidates();
  }

  private async answered(sdp: string): Promise<void> {
    if (this.pc.signalingState !== 'have-local-offer') return;
    await this.pc.setRemoteDescription({ type: 'answer', sdp });
    await this.flushCandidates();
    if (this.restartWanted) {
      this.restartWanted = false;
      this.restart();
    }
  }

  private async candidate(signal: Extract<Signal, { kind: 'candidate' }>): Promise<void> {
    const { candidate, sdpMid, sdpMLineIndex, usernameFragment } = signal;
    const init = { candidate, sdpMid, sdpMLineIndex, usernameFragment };
    if (this.pc.remoteDescription) await this.pc.addIceCandidate(init);
    else this.candidates.push(init);
  }

  private async flushCandidates(): Promise<void> {
    for (const candidate of this.candidates.splice(0)) {
      // One of an earlier ICE generation is refused, and may be.
      await this.pc.addIceCandidate(candidate).catch(() => undefined);
    }
  }

  private sendCandidate(candidate: RTCIceCandidate | null): void {
    // The empty one that ends a generation tells the other end nothing it needs.
    if (!candidate?.candidate) return;
    const { sdpMid, sdpMLineIndex, usernameFragment } = candidate;
    this.events.send({ kind: 'candidate', candidate: candidate.candidate, sdpMid, sdpMLineIndex, usernameFragment });
  }

  private sendTracks(): void {
    for (const kind of ['audio', 'video'] as const) {
      const sender = this.senders[kind];
      // Refused only by a sender that was stopped, and none is before close().
      if (sender && sender.track !== this.tracks[kind]) sender.replaceTrack(this.tracks[kind]).catch(() => undefined);
    }
  }

  private restart(): void {
    if (this.closed) return;
    this.watch(STUCK_MS);
    if (!this.offerer) {
      this.events.send({ kind: 'restart' });
      return;
    }
    this.queue(async () => {
      if (this.pc.signalingState === 'stable') {
        this.pc.restartIce();
        await this.offer();
      } else {
        // The offer or its answer may be lost: say the offer again, and restart once it is answered.
        this.restartWanted = this.wasConnected;
        this.events.send({ kind: 'offer', sdp: this.pc.localDescription?.sdp ?? '' });
      }
    });
  }

  private flowing(): boolean {
    const ice = this.pc.iceConnectionState;
    return this.pc.connectionState === 'connected' && (ice === 'connected' || ice === 'completed');
  }

  private connectionChanged(): void {
    if (this.flowing()) {
      this.wasConnected = true;
      this.restarts = 0;
      this.clock.clearTimeout(this.timer);
      this.events.connection('connected', undefined);
      this.path.start();
      return;
    }
    this.path.stop();
    this.events.connection(this.wasConnected ? 'reconnecting' : 'connecting', undefined);
    const ice = this.pc.iceConnectionState;
    if (ice === 'failed' || this.pc.connectionState === 'failed') this.watch(0);
    else if (ice === 'disconnected') this.watch(DISCONNECTED_MS);
  }

  private watch(milliseconds: number): void {
    this.clock.clearTimeout(this.timer);
    this.timer = this.clock.setTimeout(() => this.mend(), milliseconds);
  }

  private mend(): void {
    if (this.flowing()) return;
    this.restarts += 1;
    if (this.restarts > RESTARTS) {
      this.restarts = 0;
      this.watch(STUCK_MS);
      this.events.broken();
    } else {
      this.restart();
    }
  }
}
