/** What the call view shows of media, and the switches for it. Owns the local tracks and the media session. */
import type { MediaPlan, Signal } from '../api/types';
import type { Acquired, Device, Trouble, Want } from './devices';
import type { Connection, MediaSession, MediaState, Path, SessionEvents } from './session';

export interface MediaEnvironment {
  acquire(want: Want): Promise<Acquired>;
  cameras(): Promise<string[]>;
  session(events: SessionEvents): MediaSession;
  stream(tracks: MediaStreamTrack[]): MediaStream;
}

export interface MediaHooks {
  send(epoch: number, to: number, signal: Signal): void;
  broken(): void;
  /** The other end is not heard any more: perhaps the whole network is gone. */
  suffering(): void;
  /** The switches were used: remember them for a reload. */
  switched(state: MediaState): void;
}

export class CallMedia {
  /** What the person wants; the tracks follow. */
  microphone = $state(false);
  camera = $state(false);
  audioTrack = $state.raw<MediaStreamTrack | null>(null);
  videoTrack = $state.raw<MediaStreamTrack | null>(null);
  connection = $state<Connection>('none');
  path = $state<Path | undefined>();
  remoteStream = $state.raw<MediaStream | null>(null);
  /** Whether a picture has come from the other end. */
  remotePicture = $state(false);
  remoteState = $state.raw<MediaState | undefined>();
  troubles = $state.raw<Trouble[]>([]);
  /** There is another camera to switch to. */
  choice = $state(false);

  /**
   * What the person switched, for a reload. Not what the devices do: a page that is torn down sees its tracks end, and
   * must not remember that as a wish.
   */
  wanted: MediaState = { microphone: false, camera: false };

  private session: MediaSession | undefined;
  /** Which camera was chosen in this call. */
  private chosen: string | undefined;
  /** The other end's video track, while nothing comes on it. */
  private awaited: MediaStreamTrack | undefined;
  /** Counts calls: an answer of the browser that comes after hanging up must not switch the camera on. */
  private turn = 0;

  constructor(
    private readonly env: MediaEnvironment,
    private readonly hooks: MediaHooks,
  ) {}

  /** A call begins. Devices start in the background; the call does not wait for them. */
  begin(want: MediaState): void {
    this.end();
    this.microphone = want.microphone;
    this.camera = want.camera;
    this.session = this.env.session({
      send: (epoch, to, signal) => this.hooks.send(epoch, to, signal),
      connection: (connection, path) => {
        // Still connected, only not looked up yet: the old answer stands.
        this.path = path ?? (connection === 'connected' ? this.path : undefined);
        if (connection === 'reconnecting' && this.connection !== connection) this.hooks.suffering();
        this.connection = connection;
      },
      remoteReset: () => this.resetRemote(),
      remoteTrack: (track) => this.addRemote(track),
      remoteState: (state) => this.setRemoteState(state),
      broken: () => this.hooks.broken(),
    });
    this.switched();
    void this.fetch({ audio: want.microphone, video: want.camera });
  }

  apply(plan: MediaPlan | null | undefined): void {
    if (plan) this.session?.apply(plan);
  }

  signal(epoch: number, signal: Signal): void {
    this.session?.signal(epoch, signal);
  }

  check(networkChanged: boolean): void {
    this.session?.check(networkChanged);
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

  /** The person has read what is wrong. */
  dismissTroubles(): void {
    this.troubles = [];
  }

  end(): void {
    this.turn += 1;
    this.session?.close();
    this.session = undefined;
    this.audioTrack?.stop();
    this.videoTrack?.stop();
    this.audioTrack = null;
    this.videoTrack = null;
    this.microphone = false;
    this.camera = false;
    this.troubles = [];
    this.choice = false;
    this.chosen = undefined;
    this.connection = 'none';
    this.path = undefined;
    this.resetRemote();
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
    this.tell();
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
    this.tell();
  }

  private clear(device: Device): void {
    this.troubles = this.troubles.filter((t) => t.device !== device);
  }

  private tracks() {
    return { audio: this.audioTrack, video: this.videoTrack };
  }

  private switched(): void {
    this.wanted = { microphone: this.microphone, camera: this.camera };
    this.hooks.switched(this.wanted);
    this.tell();
  }

  /** The other end is told what it really gets. */
  private tell(): void {
    this.session?.setState({
      microphone: this.microphone && this.audioTrack !== null,
      camera: this.camera && this.videoTrack !== null,
    });
  }

  /**
   * A video element with a picture that never comes plays no sound, either (Chromium waits for the first frame). So the
   * video track joins the stream only once the other end says that it sends one, or something arrives.
   */
  private addRemote(track: MediaStreamTrack): void {
    if (track.kind === 'audio') {
      this.join(track);
    } else if (!track.muted || this.remoteState?.camera) {
      this.showPicture(track);
    } else {
      this.awaited = track;
      track.onunmute = () => this.showPicture(track);
    }
  }

  private showPicture(track: MediaStreamTrack): void {
    track.onunmute = null;
    this.awaited = undefined;
    this.remotePicture = true;
    this.join(track);
  }

  private join(track: MediaStreamTrack): void {
    if (this.remoteStream) this.remoteStream.addTrack(track);
    else this.remoteStream = this.env.stream([track]);
  }

  private setRemoteState(state: MediaState): void {
    this.remoteState = state;
    if (state.camera && this.awaited) this.showPicture(this.awaited);
  }

  private resetRemote(): void {
    if (this.awaited) this.awaited.onunmute = null;
    this.awaited = undefined;
    this.remoteStream = null;
    this.remotePicture = false;
    this.remoteState = undefined;
  }
}
