import { beforeEach, describe, expect, it } from 'vitest';
import { Rest, RestError } from '../src/api/client';
import type { User } from '../src/api/types';
import { Auth } from '../src/app/auth.svelte';
import { FakeClock, settle } from './fakes';

const user = { userDbId: 8, displayName: 'Tester' } as User;
const glasses = { userDbId: 12, displayName: 'Glasses 1' } as User;

/** The browser: storage and lock shared by its tabs, and a server that takes each refresh token once. */
class Browser {
  clock = new FakeClock();
  stored = new Map<string, string>();
  refreshes = 0;
  refuse: string | undefined;
  private turn: Promise<unknown> = Promise.resolve();

  tab(): Auth {
    return new Auth({
      clock: this.clock,
      storage: {
        getItem: (key) => this.stored.get(key) ?? null,
        setItem: (key, value) => void this.stored.set(key, value),
        removeItem: (key) => void this.stored.delete(key),
      },
      exclusive: (work) => {
        const mine = this.turn.then(work);
        this.turn = mine.catch(() => undefined);
        return mine;
      },
      rest: {
        login: async ({ userId }) => ({ user: userId === 'glasses1' ? glasses : user, expiresIn: 900 }),
        refresh: async () => {
          if (this.refuse) throw new RestError(this.refuse);
          this.refreshes += 1;
          return { user, expiresIn: 900 };
        },
        logout: async () => undefined,
        me: async () => user,
      },
    });
  }
}

let browser: Browser;
beforeEach(() => {
  browser = new Browser();
});

const credentials = { domain: 'ubimax', userId: 'tester', password: 'x' };

describe('tabs of one login', () => {
  it('renew it once between them, before it ends', async () => {
    const [first, second] = [browser.tab(), browser.tab()];
    await first.login(credentials);
    await second.resume();
    await browser.clock.advance(779_000);
    expect(browser.refreshes).toBe(0);
    await browser.clock.advance(2_000);
    expect(browser.refreshes).toBe(1);
    await browser.clock.advance(780_000);
    expect(browser.refreshes).toBe(2);
  });

  it('that both got a 401 renew it once', async () => {
    const [first, second] = [browser.tab(), browser.tab()];
    await first.login(credentials);
    await browser.clock.advance(1_000);
    const since = browser.clock.now();
    await browser.clock.advance(5);
    expect(await Promise.all([first.renew(since), second.renew(since)])).toEqual(['ok', 'ok']);
    expect(browser.refreshes).toBe(1);
  });

  it('notice when one of them signs in as somebody else, and only then', async () => {
    const [first, second] = [browser.tab(), browser.tab()];
    const others: string[] = [];
    first.onOtherUser = () => others.push('first');
    second.onOtherUser = () => others.push('second');
    await first.login(credentials);
    await second.resume();
    first.stampChanged();
    second.stampChanged();
    expect(others).toEqual([]);
    await second.login({ ...credentials, userId: 'glasses1' });
    first.stampChanged();
    expect(others).toEqual(['first']);
    // The connection tells it, too, where the tab slept through the other's news.
    second.meet(8);
    expect(others).toEqual(['first', 'second']);
  });

  it('are signed out together', async () => {
    const [first, second] = [browser.tab(), browser.tab()];
    await first.login(credentials);
    await second.resume();
    await first.logout();
    second.stampChanged();
    expect([second.state, second.user]).toEqual(['signedOut', undefined]);
  });

  it('renew a login that ran out while nobody looked', async () => {
    await browser.tab().login(credentials);
    browser.stored.set('farhand.login', JSON.stringify({ renewed: 1, expires: 2 }));
    const late = browser.tab();
    await late.resume();
    expect(browser.refreshes).toBe(1);
    expect(late.state).toBe('signedIn');
  });
});

describe('a login', () => {
  it('that the server refuses to renew is over', async () => {
    const tab = browser.tab();
    let forgotten = 0;
    tab.onForgotten = () => forgotten++;
    await tab.login(credentials);
    browser.refuse = 'refresh_reused';
    expect(await tab.ensure(true)).toBe('signedOut');
    expect([tab.state, tab.user, forgotten]).toEqual(['signedOut', undefined, 1]);
  });

  it('is not over because the server is out of reach', async () => {
    const tab = browser.tab();
    await tab.login(credentials);
    browser.refuse = 'network';
    expect(await tab.ensure(true)).toBe('retry');
    expect(tab.state).toBe('signedIn');
  });

  it('of nobody asks the server nothing', async () => {
    const tab = browser.tab();
    await tab.resume();
    expect(tab.state).toBe('signedOut');
    expect(browser.refreshes).toBe(0);
  });

  it('remembers the domain, not the password', async () => {
    await browser.tab().login(credentials);
    expect(browser.tab().lastDomain).toBe('ubimax');
    expect([...browser.stored.values()].join()).not.toContain('"x"');
  });
});

describe('REST', () => {
  const json = (status: number, body: unknown) =>
    new Response(JSON.stringify(body), { status, headers: { 'content-type': 'application/json' } });

  it('tries once more after a 401 that could be mended', async () => {
    const answers = [json(401, { code: 'token_expired' }), json(200, { userDbId: 8 })];
    let renewed = 0;
    const rest = new Rest(
      'http://x',
      async () => answers.shift()!,
      async () => ++renewed > 0,
      () => 0,
    );
    expect(await rest.me()).toEqual({ userDbId: 8 });
    expect(renewed).toBe(1);
  });

  it('throws the server’s code, and its own when there is no server', async () => {
    const refused = new Rest(
      'http://x',
      async () => json(404, { code: 'call_not_found' }),
      async () => false,
      () => 0,
    );
    await expect(refused.callLog('c')).rejects.toMatchObject({ code: 'call_not_found' });
    const gone = new Rest(
      'http://x',
      () => Promise.reject(new TypeError('fetch')),
      async () => false,
      () => 0,
    );
    await expect(gone.me()).rejects.toMatchObject({ code: 'network' });
  });

  it('does not wait for ever, but for a refresh, which must not be cut off', async () => {
    const given = new AbortController();
    const swallowed: string[] = [];
    const hole = (request: Request) => {
      swallowed.push(new URL(request.url).pathname);
      return new Promise<Response>((_, reject) => request.signal.addEventListener('abort', () => reject(new Error())));
    };
    const rest = new Rest(
      'http://x',
      hole as typeof fetch,
      async () => false,
      () => 0,
      () => given.signal,
    );
    const asked = [rest.login(credentials), rest.contacts(), rest.logout()];
    let refreshed = false;
    const settled = () => {
      refreshed = true;
    };
    void rest.refresh().then(settled, settled);
    await settle();
    expect(swallowed).toHaveLength(4);
    given.abort();
    for (const answer of await Promise.allSettled(asked)) {
      expect(answer).toMatchObject({ status: 'rejected', reason: { code: 'network' } });
    }
    expect(refreshed).toBe(false);
  });

  it('does not try to mend a refused login', async () => {
    const rest = new Rest(
      'http://x',
      async () => json(401, { code: 'invalid_credentials' }),
      () => {
        throw new Error('asked');
      },
      () => 0,
    );
    await expect(rest.login(credentials)).rejects.toMatchObject({ code: 'invalid_credentials' });
  });
});
