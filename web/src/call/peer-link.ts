/**
 * One RTCPeerConnection for one epoch: offer and answer, candidates, ICE restarts. Both ends keep exactly four
 * transceivers, for sound and picture of a person and of a screen, whatever is switched on, so that nothing ever has to be
 * negotiated again but ICE.
 */
import type { Signal, Source } from '../api/types';
import type { Clock } from '../signalling/clock';
import { FULL, type Sending } from './ladder';
import { fitOne } from './layers';
import { LinkWatch } from './link-watch';
import { PathFinder } from './path';
import type { Flow, FlowEvents, PersonTracks, Remote, Tracks } from './session';

export interface PeerEvents extends FlowEvents {
  send(signal: Signal): void;
  /** Both ends have described themselves, and found no way to each other. */
  pathFailed(): void;
}

export interface PeerRole {
  /** The contact at the other end. */
  peer: number;
  offerer: boolean;
}

/** What the lines carry, in the order of the offer. An end that knows no screens has the first two. */
const LINES = ['microphone', 'camera', 'screenAudio', 'screen'] as const satisfies Source[];

/** Both ends know each other's addresses by then, and have tried them all. */
const PATH_MS = 8_000;

export class PeerLink implements Flow {
  private readonly senders: Partial<Record<Source, RTCRtpSender>> = {};
  private readonly incoming: PersonTracks = {};
  private readonly path: PathFinder;
  private readonly watch: LinkWatch;
  private work: Promise<void> = Promise.resolve();
  private candidates: RTCIceCandidateInit[] = [];
  private restartWanted = false;
  private pathTimer: number | undefined;
  private sharing = false;
  private closed = false;
  private sending = FULL;
  /** The lines are not as the browser made them. */
  private fitted = false;

  constructor(
    private readonly pc: RTCPeerConnection,
    private readonly role: PeerRole,
    private tracks: Tracks,
    private readonly clock: Clock,
    private readonly events: PeerEvents,
  ) {
    this.path = new PathFinder(pc, clock, (path) => events.connection('connected', path));
    pc.onicecandidate = ({ candidate }) => this.sendCandidate(candidate);
    pc.ontrack = ({ track }) => this.receive(track);
    this.watch = new LinkWatch(pc, clock, {
      changed: (state) => {
        if (state !== 'connected') this.path.stop();
        events.connection(state, undefined);
        if (state === 'connected') {
          this.path.start();
          this.fit();
        }
      },
      restart: () => this.restart(),
      broken: () => events.broken(),
    });
    if (role.offerer) {
      for (const source of LINES) {
        this.senders[source] = pc.addTransceiver(kindOf(source), { direction: 'sendrecv' }).sender;
      }
      this.sendTracks();
      this.queue(() => this.offer());
    }
  }

  signal(signal: Signal): void {
    if (signal.kind === 'offer') this.queue(() => this.offered(signal.sdp));
    else if (signal.kind === 'answer') this.queue(() => this.answered(signal.sdp));
    else if (signal.kind === 'candidate') this.queue(() => this.candidate(signal));
    else if (signal.kind === 'restart' && this.role.offerer) this.restart();
  }

  setTracks(tracks: Tracks): void {
    this.tracks = tracks;
    this.sendTracks();
  }

  limit(sending: Sending): void {
    this.sending = sending;
    this.fit();
  }

  /** Before the lines are agreed on there is nothing to fit; it is said again then. */
  private fit(): void {
    for (const source of ['camera', 'screen'] as const) {
      const sender = this.senders[source];
      const wanted = this.sending !== FULL || this.fitted;
      if (sender && wanted) fitOne(sender, source, this.sending).catch(() => undefined);
    }
    this.fitted ||= this.sending !== FULL;
  }

  get alive(): boolean {
    return this.watch.alive;
  }

  get begun(): boolean {
    return this.watch.begun;
  }

  get remote(): Remote {
    const { screen, screenAudio, ...person } = this.incoming;
    // The lines are there all the time; what nothing comes on is not to be shown, nor waited for.
    const shared = this.sharing ? { ...(screen && { screen }), ...(screenAudio && { screenAudio }) } : {};
    return new Map([[this.role.peer, { ...person, ...shared }]]);
  }

  /** Whether the other end shows a screen. */
  shares(sharing: boolean): void {
    if (sharing === this.sharing) return;
    this.sharing = sharing;
    this.events.remote();
  }

  stats(): Promise<RTCStatsReport | undefined> {
    return this.pc.getStats().catch(() => undefined);
  }

  check(networkChanged: boolean): void {
    this.watch.check(networkChanged);
  }

  close(): void {
    this.closed = true;
    this.clock.clearTimeout(this.pathTimer);
    this.watch.stop();
    this.path.stop();
    this.pc.onicecandidate = this.pc.ontrack = null;
    this.pc.close();
  }

  private receive(track: MediaStreamTrack): void {
    const alike = this.pc.getTransceivers().filter(({ receiver }) => receiver.track.kind === track.kind);
    const second = alike.findIndex(({ receiver }) => receiver.track === track) === 1;
    if (track.kind === 'audio') this.incoming[second ? 'screenAudio' : 'microphone'] = track;
    else this.incoming[second ? 'screen' : 'camera'] = track;
    this.events.remote();
  }

  /** Once: from the moment on at which both ends have described themselves. */
  private awaitPath(): void {
    if (this.watch.begun || this.pathTimer !== undefined) return;
    this.pathTimer = this.clock.setTimeout(() => {
      if (!this.watch.begun) this.events.pathFailed();
    }, PATH_MS);
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
    const lines = this.pc.getTransceivers();
    for (const source of LINES) {
      const line = lines.find(
        ({ sender, receiver }) =>
          receiver.track.kind === kindOf(source) && !Object.values(this.senders).some((taken) => taken === sender),
      );
      if (!line || this.senders[source]) continue;
      line.direction = 'sendrecv';
      this.senders[source] = line.sender;
    }
    this.sendTracks();
    await this.pc.setLocalDescription();
    this.events.send({ kind: 'answer', sdp: this.pc.localDescription?.sdp ?? '' });
    this.awaitPath();
    await this.flushCandidates();
  }

  private async answered(sdp: string): Promise<void> {
    if (this.pc.signalingState !== 'have-local-offer') return;
    await this.pc.setRemoteDescription({ type: 'answer', sdp });
    this.awaitPath();
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
    const { audio, video, screen = null, screenAudio = null } = this.tracks;
    const wanted = { microphone: audio, camera: video, screen, screenAudio };
    for (const source of LINES) {
      const sender = this.senders[source];
      const track = wanted[source];
      // Refused only by a sender that was stopped, and none is before close().
      if (sender && sender.track !== track) sender.replaceTrack(track).catch(() => undefined);
    }
  }

  private restart(): void {
    if (this.closed) return;
    this.watch.restarted();
    if (!this.role.offerer) {
      this.events.send({ kind: 'restart' });
      return;
    }
    this.queue(async () => {
      if (this.pc.signalingState === 'stable') {
        this.pc.restartIce();
        await this.offer();
      } else {
        // The offer or its answer may be lost: say the offer again, and restart once it is answered.
        this.restartWanted = this.watch.begun;
        this.events.send({ kind: 'offer', sdp: this.pc.localDescription?.sdp ?? '' });
      }
    });
  }
}

function kindOf(source: Source): 'audio' | 'video' {
  return source === 'camera' || source === 'screen' ? 'video' : 'audio';
}
