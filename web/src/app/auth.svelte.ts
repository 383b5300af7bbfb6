/**
 * Who is signed in. The tokens are HttpOnly cookies shared by all tabs; a refresh token used twice revokes the login, so
 * tabs take turns by a lock, and a tab that finds a refresh newer than its reason to ask leaves it at that.
 */
import { type LoggedIn, RestError } from '../api/client';
import type { LoginRequest, User } from '../api/types';
import type { Authorised } from '../signalling/client';
import type { Clock } from '../signalling/clock';

export interface AuthEnvironment {
  clock: Clock;
  storage: Pick<Storage, 'getItem' | 'setItem' | 'removeItem'>;
  /** Runs `work` while no other tab runs one. */
  exclusive<T>(work: () => Promise<T>): Promise<T>;
  rest: {
    login(body: LoginRequest): Promise<LoggedIn>;
    refresh(): Promise<LoggedIn>;
    logout(): Promise<void>;
    me(): Promise<User>;
  };
}

/** What tabs tell each other: when the cookies were last renewed, until when the access token holds, and whose it is. */
interface Stamp {
  renewed: number;
  expires: number;
  user?: number;
}

const STAMP = 'farhand.login';
const DOMAIN = 'farhand.domain';
/** Renew this long before the end, so that a slow network does not make it late. */
const MARGIN_MS = 120_000;
const RETRY_MS = 3_000;

export class Auth {
  /** `unknown` until the first answer of the server. */
  state = $state<'unknown' | 'signedOut' | 'signedIn'>('unknown');
  user = $state.raw<User | undefined>();

  /** Called when the login has gone, for whatever reason. */
  onForgotten: () => void = () => undefined;
  /** Called when the cookies are somebody else's now: another tab signed in as somebody else. */
  onOtherUser: () => void = () => undefined;

  private timer: number | undefined;

  constructor(private readonly env: AuthEnvironment) {}

  /** Whether whoever is signed in looks after the domain. The server decides by itself what that allows. */
  get isAdministrator(): boolean {
    return this.user?.roles.includes('admin') ?? false;
  }

  /** The domain last signed in to on this machine. */
  get lastDomain(): string {
    return this.env.storage.getItem(DOMAIN) ?? '';
  }

  /** Takes up a login of an earlier page, if there is one; settles once the server has said yes or no. */
  async resume(): Promise<void> {
    while (this.stamp()) {
      try {
        if ((await this.ensure()) === 'signedOut') return;
        this.signedIn(await this.env.rest.me());
        return;
      } catch (error) {
        if (error instanceof RestError && REFUSED.has(error.code)) break;
        // Out of reach is not signed out: the cookie may be good.
        await new Promise<void>((resolve) => this.later(resolve, RETRY_MS));
      }
    }
    this.forget();
  }

  async login(body: LoginRequest): Promise<void> {
    const answer = await this.env.rest.login(body);
    this.env.storage.setItem(DOMAIN, body.domain);
    this.renewed(answer);
    this.signedIn(answer.user);
  }

  async logout(): Promise<void> {
    // Whatever the server says, this page shows nothing any more.
    await this.env.rest.logout().catch(() => undefined);
    this.forget();
  }

  /** The login is gone (the server said so). */
  forget(): void {
    this.env.storage.removeItem(STAMP);
    this.env.clock.clearTimeout(this.timer);
    this.user = undefined;
    this.state = 'signedOut';
    this.onForgotten();
  }

  /** Whether somebody has logged in in this browser, as far as is known without asking. */
  get isRemembered(): boolean {
    return this.stamp() !== undefined;
  }

  /** Sees to a cookie that holds for a while. */
  async ensure(force = false): Promise<Authorised> {
    const stamp = this.stamp();
    const now = this.env.clock.now();
    if (!force && stamp && stamp.expires - now > MARGIN_MS / 2) return 'ok';
    return this.renew(force ? now : (stamp?.renewed ?? 0));
  }

  /** Renews the cookies, unless another tab has done so since `since`. */
  async renew(since: number): Promise<Authorised> {
    return this.env.exclusive(async () => {
      const stamp = this.stamp();
      if (stamp && stamp.renewed > since) return 'ok';
      try {
        this.renewed(await this.env.rest.refresh());
        return 'ok';
      } catch (error) {
        const refused = error instanceof RestError && REFUSED.has(error.code);
        if (!refused) return 'retry';
        this.forget();
        return 'signedOut';
      }
    });
  }

  /** Another tab renewed, signed in or signed out. */
  stampChanged(): void {
    const stamp = this.stamp();
    if (!this.user) return;
    if (!stamp) this.forget();
    else if (typeof stamp.user === 'number') this.meet(stamp.user);
    if (this.user && stamp) this.schedule(stamp);
  }

  /** Tells who is at the other end of the cookies, as far as somebody has heard of it. */
  meet(userDbId: number): void {
    if (this.user && userDbId !== this.user.userDbId) this.onOtherUser();
  }

  private signedIn(user: User): void {
    this.user = user;
    this.state = 'signedIn';
    const stamp = this.stamp();
    if (stamp) this.schedule(stamp);
  }

  private renewed({ expiresIn, user }: LoggedIn): void {
    const now = this.env.clock.now();
    const stamp = { renewed: now, expires: now + expiresIn * 1000, user: user.userDbId };
    this.env.storage.setItem(STAMP, JSON.stringify(stamp));
    this.schedule(stamp);
  }

  private schedule(stamp: Stamp): void {
    const left = stamp.expires - this.env.clock.now();
    const again = async () => {
      if ((await this.ensureUntil(stamp)) === 'retry') this.later(again, 10_000);
    };
    this.later(again, Math.max(1_000, left - MARGIN_MS, left / 3));
  }

  private ensureUntil(stamp: Stamp): Promise<Authorised> {
    return this.renew(stamp.renewed);
  }

  private later(run: () => void, milliseconds: number): void {
    this.env.clock.clearTimeout(this.timer);
    this.timer = this.env.clock.setTimeout(run, milliseconds);
  }

  private stamp(): Stamp | undefined {
    const text = this.env.storage.getItem(STAMP);
    return text ? (JSON.parse(text) as Stamp) : undefined;
  }
}

const REFUSED = new Set(['unauthenticated', 'token_expired', 'refresh_reused', 'invalid_credentials', 'forbidden']);
