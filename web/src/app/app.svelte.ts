/** Puts the parts together: the only place that knows the browser's globals and all the classes. */
import { untrack } from 'svelte';
import { Rest } from '../api/client';
import type { IceServer, MediaTrack } from '../api/types';
import { Calls } from '../call/calls.svelte';
import { Contacts } from '../call/contacts.svelte';
import { Early } from '../call/early.svelte';
import { CallMedia } from '../call/media.svelte';
import { memoryIn } from '../call/memory';
import { offering } from '../call/offering';
import { PlanSession } from '../call/plan-session';
import { Prepared } from '../call/prepared';
import { Quality } from '../call/quality.svelte';
import { Ringtone } from '../call/ringtone';
import { ServiceRequests } from '../call/service-requests.svelte';
import { stillsFrom, stillsWanted } from '../call/shortages';
import { SparePeer } from '../call/spare-peer';
import { StillsIn } from '../call/stills-in.svelte';
import { StillsOut, takePicture } from '../call/stills-out';
import { Views } from '../call/views';
import { invitation, type Whom } from '../call/whom';
import { type LinkState, SignallingClient, type SocketLike } from '../signalling/client';
import { RequestError } from '../signalling/requests';
import { Auth } from './auth.svelte';
import { exclusive, fetcher, listenToBrowser } from './browser';
import { browserClock } from './clock';
import { deviceId } from './device';
import { type Door, doorAt } from './door.svelte';
import { type Entrance, entranceOf, PAGE } from './entrance';
import { equipment } from './equipment';
import { GuestPass } from './guest.svelte';
import { IceServerList } from './ice';
import { type Machine, machineAt } from './machine.svelte';
import { Push } from './push.svelte';
import { browserLabel, pushBrowser } from './push-browser';
import { Router } from './router.svelte';

const VIDEO_CHOICE = 'farhand.video';
/** The epoch of a connection that is made while the call rings. */
const RINGING = 0;
/** What is known of a media plan that has not come yet. */
const TO_SERVER = { mode: 'sfu' as const, epoch: RINGING, offerer: true };

export class App {
  readonly clock = browserClock();
  readonly router = new Router();
  readonly ringtone = new Ringtone({
    touched: () => navigator.userActivation?.hasBeenActive ?? true,
    context: () => new AudioContext(),
    vibrate: (pattern) => void navigator.vibrate?.(pattern),
  });
  readonly rest: Rest;
  readonly auth: Auth;
  readonly contacts: Contacts;
  readonly push: Push;
  readonly media: CallMedia;
  readonly views: Views;
  readonly quality: Quality;
  readonly calls: Calls;
  readonly requests: ServiceRequests;
  readonly stills: StillsIn;
  readonly early: Early;
  /** Whoever came by a personal link, or was let in, whatever login there is in this browser. */
  guest = $state.raw<GuestPass | undefined>();
  /** Whoever came by the link to a whole call, and is not in yet. */
  readonly door: Door | undefined;
  /** Whoever came by the public link of a machine, and has not asked yet. */
  readonly machine: Machine | undefined;
  link = $state<LinkState>('idle');
  /** Whether calls one makes or joins start with the camera. */
  startWithVideo = $state(localStorage.getItem(VIDEO_CHOICE) !== 'off');

  private readonly signalling: SignallingClient;
  private readonly ice: IceServerList;
  private readonly peer: SparePeer;

  constructor(
    device: string,
    readonly entrance: Entrance | undefined,
  ) {
    const now = () => this.clock.now();
    const renew = async (since: number) => !this.entrance && (await this.auth.renew(since)) === 'ok';
    this.rest = new Rest(
      location.origin,
      fetcher(() => (this.guest ?? this.door ?? this.machine)?.token),
      renew,
      now,
    );
    if (entrance?.by === 'guest') this.guest = new GuestPass(entrance.token, this.rest);
    const admitted = (...way: [string, boolean?]) => void this.admitted(...way);
    if (entrance?.by === 'call') this.door = doorAt(entrance.token, this.rest, this.clock, admitted);
    if (entrance?.by === 'request') this.machine = machineAt(entrance.token, this.rest, admitted);
    this.auth = new Auth({ clock: this.clock, storage: localStorage, exclusive, rest: this.rest });
    this.auth.onForgotten = () => this.disconnect();
    // The page would go on as one user on its connection and as another in what it asks for.
    this.auth.onOtherUser = () => {
      this.disconnect();
      location.reload();
    };
    this.contacts = new Contacts(
      () => this.rest.contacts(),
      () => this.rest.teams(),
    );
    const label = () => browserLabel(navigator.userAgent);
    this.push = new Push({ browser: pushBrowser(), storage: localStorage, label, rest: this.rest });
    this.ice = new IceServerList(() => this.rest.iceServers(), this.clock);
    this.peer = new SparePeer(
      (iceServers) => new RTCPeerConnection({ iceServers, bundlePolicy: 'max-bundle' }),
      () => this.ice.current,
    );
    this.signalling = this.makeSignalling(device);
    this.media = this.makeMedia();
    const { signalling, media, clock } = this;
    this.quality = new Quality({
      clock,
      callId: () => this.calls.active?.callId,
      stats: () => media.stats(),
      connection: () => media.connection,
      remote: () => media.remote,
      tell: (callId, report) => {
        // Later it would be old.
        if (this.link === 'open') signalling.tell({ type: 'mediaReport', callId, report });
      },
      measured: ({ at, stats }, report) => media.measured(at, stats, report),
    });
    this.views = new Views(clock, (views) => {
      const call = this.calls.active;
      if (call?.mediaPlan?.mode !== 'sfu') return;
      const here = views.filter(({ contact }) => call.people.some((person) => person.contact.id === contact));
      this.signalling.tell({ type: 'mediaViews', callId: call.callId, views: here });
    });
    const invite = (callId: string, who: Whom) => this.rest.invite(callId, invitation(who));
    const prepared = this.makePrepared();
    const takePrepared = (callId: string) => prepared.take(callId);
    const offerWith = (people: number, iceServers: IceServer[]) =>
      offering(this.peer.take({ ...TO_SERVER, iceServers }), people, clock);
    const memory = memoryIn(sessionStorage);
    // What follows a guest's link may be a program that looks where it leads.
    const somebody = () => !this.guest || (navigator.userActivation?.hasBeenActive ?? true);
    const visible = () => document.visibilityState === 'visible' && somebody();
    this.calls = new Calls({ signalling, media, clock, memory, invite, takePrepared, offering: offerWith, visible });
    this.early = new Early(this.calls);
    const camera = () => this.startWithVideo;
    this.requests = new ServiceRequests({ calls: this.calls, signalling, camera, now });
    // Not during a call: the handshake would take from its media. Nor for guests: a page that nobody has clicked in yet connects to nothing.
    $effect.root(() => {
      $effect(() => prepared.follow(this.calls.inCall || this.guest ? [] : [...this.calls.rings.values()]));
      $effect(() => {
        const { due } = this.early;
        if (due) untrack(due);
      });
      $effect(() => {
        const limit = this.calls.active?.sendLimit ?? undefined;
        untrack(() => this.media.keepTo(limit));
      });
    });
    this.stills = this.makeStills();
  }

  async start(): Promise<void> {
    listenToBrowser({
      nudge: () => this.signalling.nudge(),
      check: (sure) => this.media.check(sure),
      hide: (hidden) => this.views.hide(hidden),
      seen: () => this.calls.rings.seen(),
      touched: () => this.ringtone.unlock(),
      rung: (callId) => this.comeTo(callId),
      loggedIn: () => this.auth.stampChanged(),
    });
    // Another link, pasted over this one's.
    if (this.entrance) addEventListener('hashchange', () => location.reload());
    if (this.guest) {
      await this.guest.look();
      this.comeIn();
      return;
    }
    await (this.door ?? this.machine)?.look();
    if (this.entrance) return;
    await this.auth.resume();
    if (this.auth.user) this.connect(true);
  }

  async signIn(domain: string, userId: string, password: string): Promise<void> {
    this.ringtone.unlock();
    await this.auth.login({ domain, userId, password });
    this.connect(false);
  }

  async signOut(): Promise<void> {
    await this.push.forget();
    // The server closes the socket with the login; ours goes first, so that it does not try to come back.
    this.disconnect();
    await this.auth.logout();
    this.router.go('/');
  }

  /** What the others read. */
  get ownName(): string {
    return (this.guest ? this.guest.invitation : this.auth.user)?.displayName ?? '';
  }

  /** A guest is connected as soon as nothing has to be accepted, to be rung and to see the call begin. Nothing is switched on by it. */
  comeIn(): void {
    const { guest } = this;
    if (!guest?.mayEnter || this.link !== 'idle') return;
    const memory = memoryIn(sessionStorage);
    if (memory.load()?.callId === guest.invitation?.callId) this.calls.restore();
    else memory.clear();
    void this.ice.start();
    this.signalling.start();
  }

  /** From now on this page is that of a guest with a personal link, also when it is loaded again. */
  private async admitted(link: string, camera?: boolean): Promise<void> {
    const token = new URL(link).hash.slice(1);
    history.replaceState(null, '', `${PAGE}#${token}`);
    const guest = new GuestPass(token, this.rest);
    this.guest = guest;
    await guest.look();
    const { callId = '', callTitle = '' } = guest.invitation ?? {};
    // Whoever was let in has said how to come in; whoever waits for help has not.
    if (camera !== undefined) this.early.wish = { callId, label: callTitle, camera };
    this.comeIn();
  }

  /** What ended the connection stands in `guest`; how the call ended goes on being shown. */
  private guestOut(): void {
    if (this.calls.stage.name !== 'ended') this.calls.reset();
    this.ice.stop();
    this.peer.drop();
  }

  chooseVideo(on: boolean): void {
    this.startWithVideo = on;
    localStorage.setItem(VIDEO_CHOICE, on ? 'on' : 'off');
  }

  private connect(reloaded: boolean): void {
    if (reloaded) this.calls.restore();
    else memoryIn(sessionStorage).clear();
    void this.ice.start();
    void this.contacts.load();
    this.signalling.start();
    if (this.auth.user) void this.push.renew(this.auth.user.userDbId);
  }

  private disconnect(): void {
    this.calls.reset();
    this.requests.reset();
    this.signalling.stop();
    this.ice.stop();
    this.peer.drop();
    this.contacts.reset();
  }

  private makeSignalling(device: string): SignallingClient {
    const url = `${location.origin.replace(/^http/, 'ws')}/rtc/ws`;
    const env = {
      clock: this.clock,
      random: Math.random,
      deviceId: device,
      open: () => new WebSocket(url) as unknown as SocketLike,
      accessToken: () => this.guest?.token,
      authorise: (force: boolean) => (this.guest ?? this.auth).ensure(force),
    };
    return new SignallingClient(env, {
      state: (state) => {
        this.link = state;
        // The terms are others by now.
        if (state === 'refused' && this.guest) void this.guest.look().then(() => this.guestOut());
      },
      welcome: (welcome) => {
        if (welcome.user) this.auth.meet(welcome.user.userDbId);
        this.calls.welcome(welcome);
        if (!welcome.resumed) this.requests.reset();
        this.contacts.welcome(welcome.resumed);
        this.views.again();
        this.tellOfLink();
      },
      frame: (frame) => {
        if (frame.type === 'ring') this.peer.warm();
        this.requests.frame(frame);
        if (frame.type === 'still') this.stills.heard(frame.contact);
        else if (frame.type === 'presence') this.contacts.presence(frame.users, frame.complete);
        else this.calls.frame(frame);
      },
      signedOut: () => (this.guest ? this.guestOut() : this.auth.forget()),
    });
  }

  /** Whoever comes by the link of a message has seen it. */
  private tellOfLink(): void {
    const { route } = this.router;
    if (route.page !== 'story' || !route.invited) return;
    this.signalling.tell({ type: 'linkOpened', callId: route.callId });
  }

  private comeTo(callId: string): void {
    if (this.calls.inCall || this.guest) return;
    this.router.go(`/call/${callId}`);
    this.tellOfLink();
  }

  private makeMedia(): CallMedia {
    return new CallMedia(
      {
        // Whoever is sent to a machine shows it, and whoever helps is looked at.
        ...equipment(() => (this.auth.user?.roles.includes('technician') ? 'environment' : 'user')),
        session: (events, prepared) => {
          if (!prepared) this.peer.warm();
          return new PlanSession((plan) => this.peer.take(plan), this.clock, events, prepared);
        },
      },
      {
        send: (epoch, to, signal) => {
          const callId = this.calls.active?.callId;
          if (callId) this.signalling.tell({ type: 'signal', callId, epoch, to, signal });
        },
        offer: (...offer) => this.offer(...offer),
        pathFailed: (epoch) => {
          const callId = this.calls.active?.callId;
          // What comes of it is a new plan; refused, there is one already.
          if (callId) this.signalling.request({ type: 'pathFailed', callId, epoch }).catch(() => undefined);
        },
        tell: (state) => {
          const callId = this.calls.active?.callId;
          if (callId) this.signalling.tell({ type: 'mediaState', callId, state });
        },
        began: () => this.quality.start(),
        ending: () => this.quality.stop(),
        connected: () => {
          this.views.again();
          this.quality.connected();
        },
        broken: () => this.calls.mediaBroken(),
        // The way to the server may be as dead, and is needed to mend the other.
        suffering: () => this.signalling.nudge(),
        switched: (state) => this.calls.remember(state),
      },
    );
  }

  /** Pictures go out while somebody's link carries no video, and come in while there is none of somebody. */
  private makeStills(): StillsIn {
    const { clock, rest } = this;
    const out = new StillsOut({
      clock,
      newId: () => crypto.randomUUID(),
      take: takePicture,
      put: (...piece) => rest.putStill(...piece),
    });
    const stills = new StillsIn({
      clock,
      get: (...part) => rest.getStill(...part),
      url: (picture) => URL.createObjectURL(picture),
      forget: (url) => URL.revokeObjectURL(url),
    });
    $effect.root(() => {
      $effect(() => {
        const call = this.calls.active;
        const track = this.media.videoTrack;
        const wanted = call && track && stillsWanted(call, this.media.rung);
        untrack(() => out.follow(wanted ? { callId: call.callId, track } : undefined));
      });
      $effect(() => {
        const call = this.calls.active;
        const from = call ? stillsFrom(call) : [];
        untrack(() => stills.follow(call?.callId, from));
      });
    });
    return stills;
  }

  private makePrepared(): Prepared {
    return new Prepared({
      clock: this.clock,
      connect: ({ iceServers }) => this.peer.take({ ...TO_SERVER, iceServers }),
      offer: async (callId, sdp, tracks, withdrawn) => {
        const offer = { type: 'mediaOffer' as const, callId, epoch: RINGING, sdp, tracks };
        return (await this.signalling.request(offer, withdrawn)).sdp ?? '';
      },
    });
  }

  private async offer(epoch: number, sdp: string, tracks: MediaTrack[], withdrawn: AbortSignal): Promise<string> {
    const callId = this.calls.active?.callId;
    if (!callId) throw new RequestError('not_in_call');
    const answer = await this.signalling.request({ type: 'mediaOffer', callId, epoch, sdp, tracks }, withdrawn);
    return answer.sdp ?? '';
  }
}

export async function makeApp(): Promise<App> {
  const copied = () => memoryIn(sessionStorage).clear();
  return new App(await deviceId(sessionStorage, navigator.locks, copied), entranceOf(location));
}
