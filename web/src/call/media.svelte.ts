/** What the call view shows of media, and the switches for it. Owns the local tracks and the media session. */
import type { MediaPlan, MediaReport, MediaTrack, SendLimit, Signal, Slots } from '../api/types';
import type { Acquired, Device, Shared, Trouble, Want } from './devices';
import { FULL, factsOf, Ladder, type Rung, type Sending } from './ladder';
import type { Connection, MediaSession, MediaState, Path, Remote, SessionEvents } from './session';
import type { SfuLink } from './sfu-link';
import { WayWatch } from './way';

export interface MediaEnvironment {
  acquire(want: Want): Promise<Acquired>;
  cameras(): Promise<string[]>;
  /** Lets the person choose a screen; not in every browser. */
  share?: (() => Promise<Shared>) | undefined;
  session(events: SessionEvents, prepared: SfuLink | undefined): MediaSession;
}

export interface MediaHooks {
  send(epoch: number, to: number, signal: Signal): void;
  offer(epoch: number, sdp: string, tracks: MediaTrack[], withdrawn: AbortSignal): Promise<string>;
  pathFailed(epoch: number): void;
  /** The others are to hear what they get. */
  tell(state: MediaState): void;
  /** There is a call whose media can be measured, and there is none any more. */
  began(): void;
  ending(): void;
  /** The way to the others is there, again or for the first time. */
  connected(): void;
  broken(): void;
  /** The other end is not heard any more: perhaps the whole network is gone. */
  suffering(): void;
  /** The switches were used: remember them for a reload. */
  switched(state: MediaState): void;
}

const NOTHING: Remote = new Map();

export class CallMedia {
  /** What the person wants; the tracks follow. */
  microphone = $state(false);
  camera = $state(false);
  audioTrack = $state.raw<MediaStreamTrack | null>(null);
  videoTrack = $state.raw<MediaStreamTrack | null>(null);
  screenTrack = $state.raw<MediaStreamTrack | null>(null);
  connection = $state<Connection>('none');
  path = $state<Path | undefined>();
  /** What comes from the others. */
  remote = $state.raw<Remote>(NOTHING);
  /** The contact who speaks, where the server tells. */
  speaker = $state<number | undefined>();
  troubles = $state.raw<Trouble[]>([]);
  /** How much of the picture goes out. */
  sending = $state.raw<Sending>(FULL);
  /** How much the others are told of. */
  rung = $state<Rung>('full');
  /** There is another camera to switch to. */
  choice = $state(false);

  /**
   * What the person switched, for a reload. Not what the devices do: a page that is torn down sees its tracks end, and
   * must not remember that as a wish.
   */
  wanted: MediaState = { microphone: false, camera: false };

  private screenAudio: MediaStreamTrack | null = null;
  private session: MediaSession | undefined;
  /** Which camera was chosen in this call. */
  private chosen: string | undefined;
  private ladder = new Ladder();
  private way = new WayWatch();
  /** Counts calls: an answer of the browser that comes after hanging up must not switch the camera on. */
  private turn = 0;

  constructor(
    private readonly env: MediaEnvironment,
    private readonly hooks: MediaHooks,
  ) {}

  /** A call begins. Devices start in the background; the call does not wait for them. `prepared`: a connection for its first plan. */
  begin(want: MediaState, prepared?: SfuLink): void {
    this.end();
    this.microphone = want.microphone;
    this.camera = want.camera;
    const events: SessionEvents = {
      send: (epoch, to, signal) => this.hooks.send(epoch, to, signal),
      offer: (...offer) => this.hooks.offer(...offer),
      pathFailed: (epoch) => this.hooks.pathFailed(epoch),
      connection: (connection, path) => this.connects(connection, path),
      remote: (remote) => {
        this.remote = remote;
      },
      broken: () => this.hooks.broken(),
    };
    this.ladder = new Ladder();
    this.way = new WayWatch();
    this.sending = FULL;
    this.rung = 'full';
    this.session = this.env.session(events, prepared);
    this.hooks.began();
    this.switched();
    void this.fetch({ audio: want.microphone, video: want.camera });
  }

  /** A connection for the next plan, whose offer goes out with a `join`. */
  bring(link: SfuLink): void {
    if (this.session) this.session.bring(link);
    else link.close();
  }

  apply(plan: MediaPlan | null | undefined, people: number, sharers: readonly number[] = []): void {
    if (!plan) return;
    this.session?.apply(plan, people, sharers);
    this.ladder.layered = plan.mode === 'sfu';
    if (!this.ladder.layered) this.speaker = undefined;
    this.fit();
  }

  slots(slots: Slots): void {
    this.session?.slots(slots);
  }

  pathLost(epoch: number): void {
    this.session?.pathLost(epoch);
  }

  speaks(contact: number | undefined): void {
    this.speaker = contact;
  }

  /** What a data budget allows. */
  keepTo(limit: SendLimit | undefined): void {
    this.ladder.keepTo(limit);
    this.fit();
  }

  /** The connection has been measured. */
  measured(at: number, stats: RTCStatsReport, report: MediaReport): void {
    const { height = 0 } = this.videoTrack?.getSettings() ?? {};
    const small = !this.screenTrack && (report.heightOut ?? height) < height;
    this.ladder.look({ ...factsOf(at, stats, report), small, way: this.way.look(stats) });
    this.fit();
  }

  private fit(): void {
    const { sending, rungTold } = this.ladder;
    const same = sending.rung === this.sending.rung && sending.kbit === this.sending.kbit;
    if (same && rungTold === this.rung) return;
    this.rung = rungTold;
    this.sending = sending;
    if (!same) this.session?.limit(sending);
    this.announce();
  }

  /** The others are told what they really get. */
  announce(): void {
    const sends = this.camera && this.videoTrack ? this.ladder.shortage : undefined;
    this.hooks.tell({
      ...(sends && { sends }),
      microphone: this.microphone && this.audioTrack !== null,
      camera: this.camera && this.videoTrack !== null,
      ...(this.screenTrack && { screen: true }),
    });
  }

  signal(epoch: number, signal: Signal): void {
    this.session?.signal(epoch, signal);
  }

  check(networkChanged: boolean): void {
    this.session?.check(networkChanged);
    this.announce();
  }

  async stats(): Promise<RTCStatsReport | undefined> {
    return this.session?.stats();
  }

  get liveEpoch(): number {
    return this.session?.liveEpoch ?? 0;
  }

  toggleMicrophone(): void {
    this.microphone = !this.microphone;
    // A muted track stays: unmuting must be instant, and the browser shows the microphone as in use all the same.
    if (this.audioTrack) this.audioTrack.enabled = this.microphone;
    else if (this.microphone) void this.fetch({ audio: true, video: false });
    this.switched();
  }

  toggleCamera(): void {
    this.camera = !this.camera;
    if (this.camera) {
      void this.fetch({ audio: false, video: true });
    } else {
      // Stopped, not paused: the camera's light has to go out.
      this.videoTrack?.stop();
      this.videoTrack = null;
      this.session?.setTracks(this.tracks());
    }
    this.clear('camera');
    this.switched();
  }

  /** To the next camera, in turn. */
  async switchCamera(): Promise<void> {
    const { turn, videoTrack: track } = this;
    if (!track) return;
    const all = await this.env.cameras();
    if (turn !== this.turn || track !== this.videoTrack) return;
    this.chosen = all[(all.indexOf(track.getSettings().deviceId ?? '') + 1) % all.length];
    // First: many phones open one camera at a time only.
    track.stop();
    this.videoTrack = null;
    this.session?.setTracks(this.tracks());
    await this.fetch({ audio: false, video: true });
  }

  get canShare(): boolean {
    return this.env.share !== undefined;
  }

  /** Shows a screen, or no longer. */
  async toggleScreen(): Promise<void> {
    if (this.screenTrack) {
      this.stopScreen();
      return;
    }
    const turn = this.turn;
    const got = await this.env.share?.();
    if (!got) return;
    const late = turn !== this.turn || this.screenTrack;
    if (late) for (const track of [got.screen, got.screenAudio]) track?.stop();
    if (late) return;
    this.troubles = this.troubles.filter(({ device }) => device !== 'screen');
    if (got.why) this.troubles = [...this.troubles, { device: 'screen', why: got.why }];
    if (!got.screen) return;
    this.screenTrack = got.screen;
    this.screenAudio = got.screenAudio;
    // The browser has a button of its own to end it.
    got.screen.onended = () => this.stopScreen();
    this.session?.setTracks(this.tracks());
    this.announce();
  }

  /** The person has read what is wrong. */
  dismissTroubles(): void {
    this.troubles = [];
  }

  end(): void {
    this.turn += 1;
    if (this.session) this.hooks.ending();
    this.session?.close();
    this.session = undefined;
    this.audioTrack?.stop();
    this.videoTrack?.stop();
    this.screenTrack?.stop();
    this.screenAudio?.stop();
    this.audioTrack = this.videoTrack = this.screenTrack = this.screenAudio = null;
    this.microphone = false;
    this.camera = false;
    this.troubles = [];
    this.choice = false;
    this.chosen = undefined;
    this.connection = 'none';
    this.path = undefined;
    this.remote = NOTHING;
    this.speaker = undefined;
  }

  private stopScreen(): void {
    for (const track of [this.screenTrack, this.screenAudio]) track?.stop();
    this.screenTrack = this.screenAudio = null;
    this.session?.setTracks(this.tracks());
    this.announce();
  }

  private async fetch(want: { audio: boolean; video: boolean }): Promise<void> {
    const turn = this.turn;
    const got = await this.env.acquire({ ...want, camera: this.chosen });
    // The call is over, or the switch was turned back meanwhile.
    const late = turn !== this.turn;
    // Of two that were asked for, the first to come stays, even if the other was refused.
    const [heard, seen] = [this.audioTrack, this.videoTrack];
    if (late || heard) got.audio?.stop();
    else if (want.audio) this.setAudio(got.audio);
    if (late || seen || !this.camera) got.video?.stop();
    else if (want.video) this.setVideo(got.video);
    if (late) return;
    const news = got.troubles.filter(({ device }) => !(device === 'microphone' ? heard : seen));
    this.troubles = [...this.troubles.filter((t) => !news.some((n) => n.device === t.device)), ...news];
    this.session?.setTracks(this.tracks());
    this.announce();
    if (got.video) await this.lookForChoice(turn);
  }

  private async lookForChoice(turn: number): Promise<void> {
    const { length } = await this.env.cameras();
    if (turn === this.turn) this.choice = length > 1;
  }

  private setAudio(track: MediaStreamTrack | null): void {
    this.audioTrack = track;
    if (!track) {
      this.microphone = false;
      return;
    }
    track.enabled = this.microphone;
    this.clear('microphone');
    track.onended = () => this.lost('microphone');
  }

  private setVideo(track: MediaStreamTrack | null): void {
    this.videoTrack = track;
    if (!track) {
      this.camera = false;
      // Perhaps that one is gone: the next try takes any.
      this.chosen = undefined;
      return;
    }
    this.clear('camera');
    track.onended = () => this.lost('camera');
  }

  /** Unplugged, or taken away by the browser. */
  private lost(device: Device): void {
    if (device === 'microphone') this.setAudio(null);
    else this.setVideo(null);
    this.troubles = [...this.troubles.filter((t) => t.device !== device), { device, why: 'failed' }];
    this.session?.setTracks(this.tracks());
    this.announce();
  }

  private clear(device: Device): void {
    this.troubles = this.troubles.filter((t) => t.device !== device);
  }

  private tracks() {
    const shown = this.screenTrack && { screen: this.screenTrack, screenAudio: this.screenAudio };
    return { audio: this.audioTrack, video: this.videoTrack, ...shown };
  }

  private switched(): void {
    this.wanted = { microphone: this.microphone, camera: this.camera };
    this.hooks.switched(this.wanted);
    this.announce();
  }

  private connects(connection: Connection, path: Path | undefined): void {
    // Still connected, only not looked up yet: the old answer stands.
    this.path = path ?? (connection === 'connected' ? this.path : undefined);
    if (connection === 'reconnecting' && this.connection !== connection) this.hooks.suffering();
    const before = this.connection;
    this.connection = connection;
    if (connection === 'connected' && before !== connection) this.hooks.connected();
  }
}
