/**
 * One RTCPeerConnection to the server's SFU, for one epoch. Four lines send, for ever; a pool of lines receives, and what
 * comes on them is told by `slots` frames. An offer is made again only for more lines and for an ICE restart.
 */
import type { LayerRate, MediaOffer, MediaTrack, Slot, Slots } from '../api/types';
import type { Clock } from '../signalling/clock';
import { RequestError } from '../signalling/requests';
import { Alive } from './alive';
import { read } from './answer';
import { FULL, type Sending } from './ladder';
import { Later } from './later';
import { ENCODINGS, fitLayers, SCREEN, type Way, wantedKbit } from './layers';
import { LinkWatch } from './link-watch';
import type { Flow, FlowEvents, PersonTracks, Remote, Tracks } from './session';
import { type Manner, PLAIN, UplinkWatch } from './uplink';

export interface SfuEvents extends FlowEvents {
  offer(sdp: string, tracks: MediaTrack[], withdrawn: AbortSignal): Promise<string>;
}

/** Lines of each kind to receive on at first: a call of four needs no second offer. */
const FEWEST = 4;
/** Of each kind. All lines together stay below what the server takes. */
const MOST = 40;
/** More than is ever sent, in kbit/s: no limit. */
const MOST_KBIT = 10_000;
/** The server could not answer; it is asked again after this long. */
const AGAIN_MS = 2_000;
/** To connect without the relays, where they became known only after the offer was made. */
const UNRELAYED_MS = 3_000;
/** Refusals that pass. After others a new plan comes, or nothing helps. */
const PASSING = new Set(['timeout', 'connection_lost', 'overloaded', 'internal']);

export class SfuLink implements Flow {
  private readonly microphone: RTCRtpTransceiver;
  private readonly camera: RTCRtpTransceiver;
  private readonly screen: RTCRtpTransceiver;
  private readonly screenAudio: RTCRtpTransceiver;
  private readonly watch: LinkWatch;
  private readonly pulse: Alive;
  private readonly given = new AbortController();
  private work: Promise<void> = Promise.resolve();
  private shown: Slot[] = [];
  /** An offer waits for its turn. */
  private due = false;
  /** The last offer has been sent, and was not refused. */
  private offered = false;
  private restartWanted = false;
  /** More lines have been added, and are not agreed on yet. */
  private growing = false;
  private againTimer: number | undefined;
  private closed = false;
  private sending = FULL;
  private rates: readonly LayerRate[] = [];
  private manner = PLAIN;
  private readonly uplink: UplinkWatch;
  /** The server's newest, and for how many lines. */
  private newest: { sdp: string; lines: number } | undefined;
  /** How often the browser has been asked what the link carries. */
  private asked = 0;
  /** For the next ICE restart. */
  private relays: RTCIceServer[] | undefined;
  /** The first offer is made, if it can be. */
  private readonly made = new Later<void>();
  /** The answer to the present offer, if that comes with a `join`. */
  private answer = new Later<string>();
  private carried = false;

  constructor(
    private readonly pc: RTCPeerConnection,
    people: number,
    tracks: Tracks,
    private readonly clock: Clock,
    private events: SfuEvents,
    /** It is made while a call rings, for the case that it is accepted. */
    private early = false,
  ) {
    this.watch = new LinkWatch(pc, clock, {
      changed: (state) => {
        if (state === 'connected') this.uplink.start();
        this.events.connection(state, state === 'connected' ? 'server' : undefined);
      },
      restart: () => this.restart(),
      broken: () => this.events.broken(),
    });
    this.microphone = pc.addTransceiver('audio', { direction: 'sendonly' });
    this.camera = pc.addTransceiver('video', { direction: 'sendonly', sendEncodings: ENCODINGS });
    const lines = Math.min(Math.max(FEWEST, people + 1), MOST);
    this.addLines('audio', lines);
    this.addLines('video', lines);
    // From the start, so that sharing takes no offer.
    this.screenAudio = pc.addTransceiver('audio', { direction: 'sendonly' });
    this.screen = pc.addTransceiver('video', { direction: 'sendonly', sendEncodings: SCREEN });
    this.uplink = new UplinkWatch(clock, {
      stats: () => this.microphone.sender.getStats(),
      wanted: () => this.wanted(),
      changed: (manner) => this.turn(manner),
      ask: () => this.ask(),
    });
    this.pulse = new Alive(pc, clock, { heard: () => this.watch.heard(), silent: () => this.watch.lost() });
    this.setTracks(tracks);
    this.negotiate();
  }

  get alive(): boolean {
    return this.watch.alive;
  }

  get begun(): boolean {
    return this.watch.begun;
  }

  /** The server has been asked for it and has not refused, and it has not failed since. */
  get stands(): boolean {
    return !this.closed && this.offered && this.pc.connectionState !== 'failed';
  }

  /** The server has answered its newest offer. */
  get answered(): boolean {
    return this.newest !== undefined && this.pc.signalingState === 'stable';
  }

  /** Its first offer, for a `join` to carry it; nothing, if the server has answered that already. */
  async unanswered(): Promise<MediaOffer | undefined> {
    await this.made.promise;
    this.carried = this.pc.signalingState === 'have-local-offer';
    return this.carried ? { sdp: this.pc.localDescription?.sdp ?? '', tracks: this.named() } : undefined;
  }

  /** A `join` carries its offer. */
  get isCarried(): boolean {
    return this.carried && !this.closed;
  }

  /** What the `join` has brought. Without an answer the offer is made again in the usual way, but for a `prepared` one, which has its own. */
  joined(sdp: string | undefined, prepared = false): void {
    if (!this.isCarried) return;
    this.carried = false;
    if (prepared && this.offered) return;
    if (this.newest) {
      // Its own answer has come, of a connection that the server has given up since.
      this.restart();
    } else if (sdp) {
      this.answer.resolve(sdp);
    } else {
      this.answer.reject(new RequestError('withdrawn'));
      this.negotiate();
    }
  }

  /** The call is accepted, and this connection that of its media plan, which names these relays. Tells how it stands. */
  adopt(tracks: Tracks, events: SfuEvents, relays: RTCIceServer[]): void {
    this.early = false;
    this.events = events;
    this.setTracks(tracks);
    if (relays.length > 0 && !this.pc.getConfiguration().iceServers?.length) this.relays = relays;
    this.watch.again(this.relays && UNRELAYED_MS);
  }

  get remote(): Remote {
    const people = new Map<number, PersonTracks>();
    const lines = this.pc.getTransceivers();
    for (const { mid, contact, source } of this.shown) {
      const line = lines.find((line) => line.mid === mid);
      if (line) people.set(contact, { ...people.get(contact), [source]: line.receiver.track });
    }
    return people;
  }

  stats(): Promise<RTCStatsReport | undefined> {
    return this.pc.getStats().catch(() => undefined);
  }

  slots({ slots, missing, rates = [] }: Slots): void {
    this.shown = slots;
    this.rate(rates);
    this.events.remote();
    if (missing > 0) this.grow(missing);
  }

  setTracks({ audio, video, screen = null, screenAudio = null }: Tracks): void {
    void this.send(this.microphone, audio);
    void this.send(this.camera, video);
    void this.send(this.screenAudio, screenAudio);
    void this.send(this.screen, screen);
  }

  limit(sending: Sending): void {
    this.sending = sending;
    this.fit();
  }

  check(networkChanged: boolean): void {
    this.watch.check(networkChanged);
  }

  /** The server hears nothing of this end. */
  pathLost(): void {
    this.watch.lost();
  }

  close(): void {
    this.closed = true;
    this.given.abort();
    this.made.resolve();
    this.pulse.stop();
    this.uplink.stop();
    this.clock.clearTimeout(this.againTimer);
    this.watch.stop();
    this.pc.close();
  }

  private async send(line: RTCRtpTransceiver, track: MediaStreamTrack | null): Promise<void> {
    const { sender } = line;
    if (sender.track === track) return;
    try {
      await sender.replaceTrack(track);
      if (line === this.camera && track && sender.track === track) await this.fitted(track);
    } catch {
      // Refused only by a sender that was stopped; or the picture has its usual sizes.
    }
  }

  private fit(): void {
    const { track } = this.camera.sender;
    if (track) this.fitted(track).catch(() => undefined);
  }

  private fitted(track: MediaStreamTrack): Promise<void> {
    return fitLayers(this.camera.sender, track, this.way);
  }

  private get way(): Way {
    return { sending: this.sending, thrifty: this.manner.thrifty, rates: this.rates };
  }

  private rate(rates: readonly LayerRate[]): void {
    const same = JSON.stringify(rates) === JSON.stringify(this.rates);
    this.rates = rates;
    if (!same) this.fit();
  }

  private wanted(): number | undefined {
    const { track } = this.camera.sender;
    return track ? wantedKbit(track, this.way) : undefined;
  }

  private turn(manner: Manner): void {
    const { thrifty, repeats } = this.manner;
    this.manner = manner;
    if (manner.thrifty !== thrifty) this.fit();
    if (manner.repeats !== repeats) this.readAgain();
  }

  private ask(): void {
    this.asked += 1;
    this.readAgain();
  }

  /** What was agreed on stays; how this end reads it changes. The answer to an offer that is on its way will be read so by itself. */
  private readAgain(): void {
    this.work = this.work.then(async () => {
      const { newest } = this;
      const fits = newest?.lines === this.pc.getTransceivers().length && this.pc.signalingState === 'stable';
      if (!newest || !fits) return;
      await this.pc.setLocalDescription();
      await this.accept(newest.sdp);
    });
    this.work = this.work.catch(() => undefined);
  }

  private async accept(answer: string): Promise<void> {
    const camera = this.asked > 0 ? { mid: this.camera.mid, most: MOST_KBIT + (this.asked % 2) } : undefined;
    const sdp = read(answer, { repeats: this.manner.repeats, camera });
    await this.pc.setRemoteDescription({ type: 'answer', sdp });
  }

  private addLines(kind: 'audio' | 'video', count: number): void {
    for (let line = 0; line < count; line += 1) this.pc.addTransceiver(kind, { direction: 'recvonly' });
  }

  /** The frame does not say of which kind lines are missing: of those that are all in use. */
  private grow(missing: number): void {
    if (this.growing || this.closed) return;
    const taken = new Set(this.shown.map(({ mid }) => mid));
    const senders = [this.microphone, this.camera, this.screen, this.screenAudio];
    const receivers = this.pc.getTransceivers().filter((line) => !senders.includes(line));
    for (const kind of ['audio', 'video'] as const) {
      const lines = receivers.filter((line) => line.receiver.track.kind === kind);
      if (lines.some(({ mid }) => mid === null || !taken.has(mid))) continue;
      const more = Math.min(missing, MOST - lines.length);
      if (more > 0) this.growing = true;
      this.addLines(kind, more);
    }
    if (this.growing) this.negotiate();
  }

  private restart(): void {
    if (this.closed) return;
    this.watch.restarted();
    if (this.early) {
      // The server takes each offer of that time for one of a new connection.
      this.events.broken();
      return;
    }
    this.restartWanted = true;
    this.negotiate();
  }

  /** One offer after the other; whatever is wanted meanwhile goes into the next. */
  private negotiate(): void {
    if (this.due) return;
    this.due = true;
    this.work = this.work.then(async () => {
      this.due = false;
      if (this.closed) return;
      await this.offer().catch((error: unknown) => this.refused(error));
      this.growing = false;
      this.made.resolve();
    });
  }

  private async offer(): Promise<void> {
    this.clock.clearTimeout(this.againTimer);
    if (this.restartWanted) this.restartIce();
    this.restartWanted = false;
    const lines = this.pc.getTransceivers().length;
    await this.pc.setLocalDescription();
    this.offered = true;
    this.answer = new Later();
    const asked = this.events.offer(this.pc.localDescription?.sdp ?? '', this.named(), this.given.signal);
    const first = Promise.race([asked.catch((error: unknown) => this.refusedAlone(error)), this.answer.promise]);
    this.made.resolve();
    const sdp = await first;
    if (this.closed) return;
    this.newest = { sdp, lines };
    await this.accept(sdp);
  }

  private restartIce(): void {
    const iceServers = this.relays;
    if (iceServers) this.pc.setConfiguration({ ...this.pc.getConfiguration(), iceServers });
    this.relays = undefined;
    this.pc.restartIce();
  }

  private named(): MediaTrack[] {
    return [
      { mid: this.microphone.mid ?? '', source: 'microphone' },
      { mid: this.camera.mid ?? '', source: 'camera' },
      { mid: this.screenAudio.mid ?? '', source: 'screenAudio' },
      { mid: this.screen.mid ?? '', source: 'screen' },
    ];
  }

  /** While a `join` carries the offer, too, that has the last word. */
  private refusedAlone(error: unknown): Promise<string> {
    if (!this.carried) throw error;
    this.offered = false;
    return this.answer.promise;
  }

  private refused(error: unknown): void {
    if (this.closed || !(error instanceof RequestError)) return;
    this.offered = false;
    if (PASSING.has(error.code)) this.againTimer = this.clock.setTimeout(() => this.negotiate(), AGAIN_MS);
    // It took the same before, so it has lost this connection.
    else if (error.code === 'sdp_refused' && this.watch.begun) this.events.broken();
  }
}
