import { beforeEach, describe, expect, it } from 'vitest';
import { RestError } from '../src/api/client';
import type { PushBrowser, SubscribeToPush } from '../src/api/types';
import { Push, type Subscription } from '../src/app/push.svelte';
import { browserLabel } from '../src/app/push-browser';

const KEY = 'BP_-8A';
const OTHER_KEY = 'BAEC';

function bytes(key: string): ArrayBuffer {
  const text = atob(key.replaceAll('-', '+').replaceAll('_', '/'));
  return Uint8Array.from(text, (c) => c.charCodeAt(0)).buffer as ArrayBuffer;
}

class World {
  permission: NotificationPermission = 'default';
  answer: NotificationPermission = 'granted';
  asked = 0;
  subscription: Subscription | null = null;
  unsubscribed = 0;
  reachable = true;
  trusted = true;
  installed = false;
  key = KEY;
  server: PushBrowser[] = [];
  sent: SubscribeToPush[] = [];
  problem: string | undefined;
  stored = new Map<string, string>();

  push(): Push {
    const manager = {
      getSubscription: async () => this.subscription,
      subscribe: async ({ applicationServerKey }: { applicationServerKey: string }) => {
        if (!this.reachable) throw new DOMException('push service error', 'AbortError');
        this.subscription = this.made(applicationServerKey);
        return this.subscription;
      },
    };
    return new Push({
      browser: {
        permission: () => this.permission,
        ask: async () => {
          this.asked++;
          this.permission = this.answer;
          return this.permission;
        },
        manager: async (install) => {
          if (install && !this.trusted) throw new DOMException('bad certificate', 'SecurityError');
          this.installed ||= install;
          return this.installed ? manager : undefined;
        },
      },
      storage: {
        getItem: (key) => this.stored.get(key) ?? null,
        setItem: (key, value) => void this.stored.set(key, value),
        removeItem: (key) => void this.stored.delete(key),
      },
      label: () => 'Firefox on Linux',
      rest: {
        pushKey: async () => this.key,
        pushBrowsers: async () => this.server,
        subscribeToPush: async (body) => {
          if (this.problem) throw new RestError(this.problem);
          this.sent.push(body);
          const own = { id: body.endpoint, service: 'push', createdDateTime: '2027-01-01T00:00:00Z' };
          this.server = [...this.server.filter(({ id }) => id !== own.id), own];
          return own;
        },
        unsubscribeFromPush: async (id) => {
          if (!this.server.some((known) => known.id === id)) throw new RestError('not_found');
          this.server = this.server.filter((known) => known.id !== id);
        },
      },
    });
  }

  private made(key: string): Subscription {
    return {
      options: { applicationServerKey: bytes(key) },
      toJSON: () => ({ endpoint: `https://push/${key}`, keys: { p256dh: 'point', auth: 'secret' } }),
      unsubscribe: async () => {
        this.unsubscribed++;
        this.subscription = null;
        return true;
      },
    };
  }
}

describe('letting this browser ring', () => {
  let world: World;
  let push: Push;

  beforeEach(() => {
    world = new World();
    push = world.push();
  });

  it('is off until somebody turns it on, and nobody is asked before', async () => {
    await push.load();
    expect([push.state, world.asked, world.installed]).toEqual(['off', 0, false]);
    await push.turnOn(7);
    expect([push.state, world.asked]).toEqual(['on', 1]);
    expect(world.sent).toEqual([
      { endpoint: `https://push/${KEY}`, keys: { p256dh: 'point', auth: 'secret' }, label: 'Firefox on Linux' },
    ]);
    expect(push.browsers.map(({ id }) => id)).toEqual([push.id]);
  });

  it('stays off where the person says no, or nothing', async () => {
    world.answer = 'denied';
    await push.turnOn(7);
    expect([push.state, world.sent]).toEqual(['denied', []]);
    [world.permission, world.answer] = ['default', 'default'];
    await push.turnOn(7);
    expect([push.state, world.sent]).toEqual(['off', []]);
  });

  it('says where the browser reaches no push service', async () => {
    world.reachable = false;
    await push.turnOn(7);
    expect([push.state, push.trouble, world.sent]).toEqual(['unreachable', undefined, []]);
    world.reachable = true;
    await push.turnOn(7);
    expect(push.state).toBe('on');
  });

  it('says where the browser does not trust the page', async () => {
    world.trusted = false;
    await push.turnOn(7);
    expect([push.state, push.trouble, world.sent]).toEqual(['unsupported', undefined, []]);
  });

  it('says what the server does not like', async () => {
    world.problem = 'too_many_browsers';
    await push.turnOn(7);
    expect([push.state, push.trouble]).toEqual(['unknown', 'too_many_browsers']);
  });

  it('is not offered where there is no push', async () => {
    const rest = { pushBrowsers: async () => [] as PushBrowser[] };
    const env = { browser: undefined, storage: localStorageOf(world), label: () => '', rest: rest as never };
    const nowhere = new Push(env);
    await nowhere.load();
    expect(nowhere.state).toBe('unsupported');
  });

  it('ends when it is turned off, and when it was ended elsewhere', async () => {
    await push.turnOn(7);
    world.server = [];
    await push.load();
    expect(push.state).toBe('off');
    await push.turnOn(7);
    await push.remove(push.id ?? '');
    expect([push.state, world.server, world.subscription, push.id]).toEqual(['off', [], null, undefined]);
  });

  it('of another one leaves this one alone', async () => {
    await push.turnOn(7);
    world.server = [...world.server, { id: 'other', service: 'push', createdDateTime: '2027-01-01T00:00:00Z' }];
    await push.remove('other');
    await push.remove('other');
    expect([push.state, push.trouble, world.unsubscribed]).toEqual(['on', undefined, 0]);
  });

  it('is asked for anew when the server has another key', async () => {
    await push.turnOn(7);
    world.key = OTHER_KEY;
    await push.renew(7);
    expect([world.unsubscribed, world.sent.at(-1)?.endpoint]).toEqual([1, `https://push/${OTHER_KEY}`]);
    await push.renew(7);
    expect([world.unsubscribed, world.sent.length]).toEqual([1, 3]);
  });

  it('goes on after a login for the same person only', async () => {
    await push.renew(7);
    expect(world.sent.length, 'nobody has turned it on').toBe(0);
    await push.turnOn(7);
    await push.renew(7);
    expect([world.sent.length, world.asked]).toEqual([2, 1]);
    await push.renew(8);
    expect([world.subscription, push.id, world.sent.length]).toEqual([null, undefined, 2]);
  });

  it('ends with the login', async () => {
    await push.turnOn(7);
    await push.forget();
    expect([world.subscription, push.id, push.browsers]).toEqual([null, undefined, []]);
  });
});

function localStorageOf({ stored }: World): Pick<Storage, 'getItem' | 'setItem' | 'removeItem'> {
  return { getItem: () => null, setItem: (key, value) => void stored.set(key, value), removeItem: () => undefined };
}

describe('the name of a browser', () => {
  it('is what people call it', () => {
    const names: [string, string][] = [
      ['Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0', 'Firefox on Linux'],
      [
        'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/140.0 Safari/537.36 Edg/140.0',
        'Edge on Windows',
      ],
      ['Mozilla/5.0 (Linux; Android 15) AppleWebKit/537.36 Chrome/140.0 Mobile Safari/537.36', 'Chrome on Android'],
      [
        'Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605 Version/18.0 Safari/604',
        'Safari on iOS',
      ],
      ['curl/8', 'A browser'],
    ];
    for (const [agent, name] of names) expect(browserLabel(agent)).toBe(name);
  });
});
