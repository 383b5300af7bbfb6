/**
 * The one WebSocket to the server: hello, resume, pings, reconnects, answers. Knows no DOM and decides nothing about
 * calls. Users need no token here, since the cookie authenticates the upgrade; guests have no cookie.
 */
import type { ClientFrame, ServerMessage, Welcome } from '../api/types';
import { backoff } from './backoff';
import type { Clock } from './clock';
import { type Answer, RequestError, type RequestFrame, Requests } from './requests';

export const PROTOCOL = 1;

/** What of a WebSocket is used here. */
export interface SocketLike {
  onopen: (() => void) | null;
  onmessage: ((event: { data: string }) => void) | null;
  onclose: ((event: { code: number }) => void) | null;
  send(text: string): void;
  close(code?: number): void;
}

/** Frames that want no answer. */
export type Telling = Extract<
  ClientFrame,
  { type: 'signal' | 'mediaState' | 'mediaViews' | 'mediaReport' | 'ringShown' | 'linkOpened' }
>;

export type Authorised = 'ok' | 'signedOut' | 'retry';
export type LinkState = 'idle' | 'connecting' | 'open' | 'waiting' | 'refused';

export interface Environment {
  clock: Clock;
  random(): number;
  deviceId: string;
  /** Of somebody who has no cookie. */
  accessToken?(): string | undefined;
  open(): SocketLike;
  /** Sees to a fresh session cookie before a connection; `force` after the server refused the one there was. */
  authorise(force: boolean): Promise<Authorised>;
}

export interface Listener {
  state(state: LinkState): void;
  welcome(welcome: Welcome): void;
  frame(frame: ServerMessage): void;
  signedOut(): void;
}

/** From opening to welcome. Longer than a slow TLS handshake, shorter than a person's patience. */
const WELCOME_MS = 8_000;
/** From a ping to any frame. */
const PONG_MS = 5_000;
/** The same, where we have reason to doubt the connection (the network changed). */
const DOUBT_MS = 2_000;
/** Frames without an answer kept while disconnected: a few negotiations' worth. */
const SIGNALS_KEPT = 256;
/** Where to go on backing off when the server says it has too much of us. */
const CROWDED_ATTEMPT = 4;

export class SignallingClient {
  /** Somebody waits for us: reconnect more eagerly. */
  inCall = false;

  private readonly requests: Requests;
  private signals: ClientFrame[] = [];
  private socket: SocketLike | undefined;
  private linkState: LinkState = 'idle';
  private session: { id: string; lastSeq: number } | undefined;
  private connection = 0;
  private attempt = 0;
  private refusals = 0;
  private pingMs = 10_000;
  private retryTimer: number | undefined;
  private pingTimer: number | undefined;
  private silenceTimer: number | undefined;
  /** Until then a connection that breaks has broken with the old network, and is made again at once on the new one. */
  private doubtedUntil = 0;

  constructor(
    private readonly env: Environment,
    private readonly listener: Listener,
  ) {
    this.requests = new Requests(env.clock);
  }

  start(): void {
    if (this.linkState === 'idle') void this.connect(false);
  }

  stop(): void {
    // On purpose: the server need not wait for a resume.
    this.drop(1000);
    this.env.clock.clearTimeout(this.retryTimer);
    this.session = undefined;
    this.signals = [];
    this.requests.failAll(new RequestError('connection_lost'));
    this.enter('idle');
  }

  /**
   * Sends now, or as soon as there is a connection; rejects with a RequestError. `withdrawn` takes back what has not been
   * sent: somebody who has hung up must not ring others once the connection is back.
   */
  request(request: RequestFrame, withdrawn?: AbortSignal): Promise<Answer> {
    const { frame, answer } = this.requests.add(request);
    withdrawn?.addEventListener('abort', () => this.requests.withdraw(frame.id), { once: true });
    if (this.linkState === 'open') this.sendRequest(frame);
    return answer;
  }

  /** Sends without an answer. What is said while disconnected is said on resume, and forgotten with the session. */
  tell(frame: Telling): void {
    if (this.linkState === 'open') this.send(frame);
    else if (this.signals.length < SIGNALS_KEPT) this.signals.push(frame);
  }

  /** The network came back or changed: do not wait for the next try, and do not trust what seems open. */
  nudge(): void {
    if (this.linkState === 'waiting') {
      this.env.clock.clearTimeout(this.retryTimer);
      this.attempt = 0;
      void this.connect(false);
    } else if (this.linkState === 'open') {
      this.doubtedUntil = this.env.clock.now() + DOUBT_MS;
      this.ping(DOUBT_MS);
    }
  }

  private async connect(force: boolean): Promise<void> {
    this.enter('connecting');
    const connection = ++this.connection;
    const authorised = await this.env.authorise(force);
    // stop() or a nudge may have come in between.
    if (connection !== this.connection || this.linkState !== 'connecting') return;
    if (authorised === 'signedOut') return this.signOut();
    if (authorised === 'retry') return this.retry();
    const socket = this.env.open();
    this.socket = socket;
    this.expect(WELCOME_MS);
    socket.onopen = () => this.hello();
    socket.onmessage = (event) => this.receive(event.data);
    socket.onclose = (event) => this.closed(event.code);
  }

  private hello(): void {
    const resume = this.session && { sessionId: this.session.id, lastSeq: this.session.lastSeq };
    const { deviceId } = this.env;
    const accessToken = this.env.accessToken?.();
    this.send({ type: 'hello', protocol: PROTOCOL, deviceId, ...(accessToken && { accessToken }), resume });
  }

  private receive(text: string): void {
    const frame = JSON.parse(text) as ServerMessage;
    this.heard();
    if (typeof frame.seq === 'number' && this.session) {
      if (frame.seq <= this.session.lastSeq) return;
      this.session.lastSeq = frame.seq;
    }
    if (frame.type === 'welcome') this.welcomed(frame);
    else if (frame.type === 'ok') this.requests.succeed(frame);
    else if (frame.type === 'error') this.refused(frame);
    else if (frame.type === 'pong') this.ponged();
    else this.listener.frame(frame);
  }

  private refused(frame: Extract<ServerMessage, { type: 'error' }>): void {
    // Without an id it belongs to a signal that came too late, or announces a close whose code says what to do.
    if (typeof frame.id === 'number') this.requests.fail(frame.id, new RequestError(frame.code, frame.detail));
  }

  private welcomed(welcome: Welcome): void {
    const lastSeq = welcome.resumed ? (this.session?.lastSeq ?? 0) : 0;
    this.session = { id: welcome.sessionId, lastSeq };
    this.attempt = 0;
    this.refusals = 0;
    this.pingMs = welcome.pingSeconds * 1000;
    if (!welcome.resumed) {
      this.signals = [];
      this.requests.sessionLost();
    }
    this.enter('open');
    this.listener.welcome(welcome);
    for (const frame of this.requests.unsent()) this.sendRequest(frame);
    for (const frame of this.signals.splice(0)) this.send(frame);
    this.ping(PONG_MS);
  }

  /** What was missed comes before the first pong: a request of the old connection still open now never arrived. */
  private ponged(): void {
    for (const frame of this.requests.doubtful(this.connection)) this.sendRequest(frame);
  }

  private ping(patience: number): void {
    this.env.clock.clearTimeout(this.pingTimer);
    this.pingTimer = this.env.clock.setTimeout(() => this.ping(PONG_MS), this.pingMs);
    this.send({ type: 'ping', lastSeq: this.session?.lastSeq ?? 0 });
    this.expect(patience);
  }

  /** If nothing is heard for so long, the connection is dead, whatever the socket says. */
  private expect(milliseconds: number): void {
    this.env.clock.clearTimeout(this.silenceTimer);
    this.silenceTimer = this.env.clock.setTimeout(() => {
      this.drop();
      this.retry();
    }, milliseconds);
  }

  private heard(): void {
    if (this.linkState === 'open') this.env.clock.clearTimeout(this.silenceTimer);
  }

  private closed(code: number): void {
    this.drop();
    if (code === 4401) {
      // Once: the access token may just have run out. Twice: the login is gone.
      this.refusals += 1;
      if (this.refusals > 1) this.signOut();
      else void this.connect(true);
    } else if (code === 4403) {
      this.enter('refused');
    } else {
      // One of them it was; said again it would end the next connection, too.
      if (code === 4400) this.requests.failAll(new RequestError('bad_frame'));
      if (code === 4409) this.session = undefined;
      if (code === 4429) this.attempt = Math.max(this.attempt, CROWDED_ATTEMPT);
      this.retry();
    }
  }

  private retry(): void {
    this.enter('waiting');
    const doubted = this.env.clock.now() <= this.doubtedUntil;
    const delay = doubted ? 0 : backoff(this.attempt++, this.inCall, this.env.random);
    this.doubtedUntil = 0;
    this.env.clock.clearTimeout(this.retryTimer);
    this.retryTimer = this.env.clock.setTimeout(() => void this.connect(false), delay);
  }

  private signOut(): void {
    this.stop();
    this.listener.signedOut();
  }

  private drop(code?: number): void {
    this.env.clock.clearTimeout(this.pingTimer);
    this.env.clock.clearTimeout(this.silenceTimer);
    const socket = this.socket;
    this.socket = undefined;
    if (!socket) return;
    socket.onopen = socket.onmessage = socket.onclose = null;
    socket.close(code);
  }

  private sendRequest(frame: Extract<ClientFrame, { id: number }>): void {
    this.requests.sent(frame.id, this.connection);
    this.send(frame);
  }

  private send(frame: ClientFrame): void {
    this.socket?.send(JSON.stringify(frame));
  }

  private enter(state: LinkState): void {
    if (this.linkState === state) return;
    this.linkState = state;
    this.listener.state(state);
  }
}
