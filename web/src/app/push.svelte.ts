/** Whether this browser rings while its pages are closed, and which others of the same person do. */
import { codeOf } from '../api/client';
import type { PushBrowser, SubscribeToPush } from '../api/types';

/**
 * `unsupported`: the browser knows no push, or the page came over plain http or with a certificate that it does not trust. `denied`: the person has said no to notifications. `unreachable`:
 * the browser's own push service did not answer it.
 */
export type PushState = 'unknown' | 'unsupported' | 'denied' | 'off' | 'on' | 'unreachable';

/** A browser's subscription. */
export interface Subscription {
  options: { applicationServerKey: ArrayBuffer | null };
  toJSON(): { endpoint?: string; keys?: Record<string, string> };
  unsubscribe(): Promise<boolean>;
}

export interface PushManagerLike {
  getSubscription(): Promise<Subscription | null>;
  subscribe(options: { userVisibleOnly: boolean; applicationServerKey: string }): Promise<Subscription>;
}

export interface PushEnvironment {
  /** Nothing where there is no push. */
  browser: PushBrowserLike | undefined;
  storage: Pick<Storage, 'getItem' | 'setItem' | 'removeItem'>;
  /** What this browser is called in the list. */
  label: () => string;
  rest: {
    pushKey(): Promise<string>;
    pushBrowsers(): Promise<PushBrowser[]>;
    subscribeToPush(body: SubscribeToPush): Promise<PushBrowser>;
    unsubscribeFromPush(id: string): Promise<void>;
  };
}

export interface PushBrowserLike {
  permission(): NotificationPermission;
  ask(): Promise<NotificationPermission>;
  /** Of the service worker that is there; with `install`, of one that is put there if there is none. */
  manager(install: boolean): Promise<PushManagerLike | undefined>;
}

/** Whose rings this browser has been asked to show, and as what it is listed. */
interface Own {
  user: number;
  id: string;
}

const OWN = 'farhand.push';

export class Push {
  state = $state<PushState>('unknown');
  browsers = $state.raw<PushBrowser[]>([]);
  /** Code of what went wrong last. */
  trouble = $state<string | undefined>();
  busy = $state(false);

  constructor(private readonly env: PushEnvironment) {}

  /** The name this browser is listed by. */
  get id(): string | undefined {
    return this.own()?.id;
  }

  load(): Promise<void> {
    return this.attempt(() => this.look());
  }

  /** Only ever on a click: the browser asks the person. */
  turnOn(user: number): Promise<void> {
    return this.attempt(async () => {
      const { browser } = this.env;
      if (!browser) return;
      const permission = await browser.ask();
      if (permission === 'granted') await this.subscribe(browser, user);
      await this.look();
    });
  }

  turnOff(): Promise<void> {
    return this.attempt(async () => {
      const own = this.own();
      await this.leave();
      if (own) await this.env.rest.unsubscribeFromPush(own.id).catch(ignoreMissing);
      await this.look();
    });
  }

  remove(id: string): Promise<void> {
    if (id === this.id) return this.turnOff();
    return this.attempt(async () => {
      await this.env.rest.unsubscribeFromPush(id).catch(ignoreMissing);
      await this.look();
    });
  }

  /** After a login the browser goes on ringing for the same person, and for nobody else. Nobody is asked anything. */
  async renew(user: number): Promise<void> {
    const { browser } = this.env;
    const own = this.own();
    if (!browser || !own) return;
    try {
      if (own.user !== user) await this.leave();
      else if (browser.permission() === 'granted') await this.subscribe(browser, user);
    } catch {
      // It is tried again with the next page; until then the page itself rings.
    }
  }

  /** With the login the browser's ringing ends, here and at the server. */
  async forget(): Promise<void> {
    this.state = 'unknown';
    this.browsers = [];
    await this.leave().catch(() => undefined);
  }

  private async attempt(what: () => Promise<void>): Promise<void> {
    this.busy = true;
    this.trouble = undefined;
    try {
      await what();
    } catch (problem) {
      if (problem instanceof OutOfReach) this.state = 'unreachable';
      else if (problem instanceof NotHere) this.state = 'unsupported';
      else this.trouble = codeOf(problem);
    } finally {
      this.busy = false;
    }
  }

  private async look(): Promise<void> {
    this.browsers = await this.env.rest.pushBrowsers();
    this.state = await this.here();
  }

  private async here(): Promise<PushState> {
    const { browser } = this.env;
    if (!browser) return 'unsupported';
    if (browser.permission() === 'denied') return 'denied';
    const subscribed = await (await browser.manager(false))?.getSubscription();
    const listed = this.browsers.some(({ id }) => id === this.id);
    return browser.permission() === 'granted' && subscribed && listed ? 'on' : 'off';
  }

  private async subscribe(browser: PushBrowserLike, user: number): Promise<void> {
    const key = await this.env.rest.pushKey();
    const manager = await browser.manager(true).catch(() => undefined);
    if (!manager) throw new NotHere();
    const subscription = (await usable(manager, key)) ?? (await fresh(manager, key));
    const { endpoint = '', keys } = subscription.toJSON();
    const label = this.env.label();
    const body = { endpoint, keys: { p256dh: keys?.p256dh ?? '', auth: keys?.auth ?? '' }, label };
    const { id } = await this.env.rest.subscribeToPush(body);
    this.env.storage.setItem(OWN, JSON.stringify({ user, id } satisfies Own));
  }

  private async leave(): Promise<void> {
    this.env.storage.removeItem(OWN);
    const manager = await this.env.browser?.manager(false);
    await (await manager?.getSubscription())?.unsubscribe();
  }

  private own(): Own | undefined {
    const text = this.env.storage.getItem(OWN);
    return text ? (JSON.parse(text) as Own) : undefined;
  }
}

/** The browser runs no service worker for this page. */
class NotHere extends Error {}

/** The browser could not get an address from its maker's push service. */
class OutOfReach extends Error {}

/** The subscription that is there, if it was made with the server's key as it is now. */
async function usable(manager: PushManagerLike, key: string): Promise<Subscription | undefined> {
  const known = await manager.getSubscription();
  const made = known?.options.applicationServerKey;
  if (known && made && encoded(made) === key) return known;
  await known?.unsubscribe();
  return undefined;
}

async function fresh(manager: PushManagerLike, key: string): Promise<Subscription> {
  try {
    return await manager.subscribe({ userVisibleOnly: true, applicationServerKey: key });
  } catch {
    throw new OutOfReach();
  }
}

/** In base64url, as the server writes it. */
function encoded(bytes: ArrayBuffer): string {
  const text = btoa(String.fromCharCode(...new Uint8Array(bytes)));
  return text.replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, '');
}

/** Gone already is gone. */
function ignoreMissing(problem: unknown): void {
  if (codeOf(problem) !== 'not_found') throw problem;
}
