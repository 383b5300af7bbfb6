import { beforeEach, describe, expect, it } from 'vitest';
import { type Page, Ringer, type Subscription } from '../src/worker/ringer';
import { type Notice, notice, read, type Said } from '../src/worker/said';

const CALL = '0c6f3a52-1f0a-4c55-9a3e-0d3c2d3e4f50';
const NOW = 1_700_000_000_000;
const said: Said = {
  kind: 'ring',
  callId: CALL,
  title: 'Pump 7',
  from: 'Ada',
  until: NOW + 30_000,
  receipt: '/notify/push/1/abc',
};
const over = (ended: string): Said => ({ ...said, kind: 'ringEnd', ended, until: NOW + 3_600_000 });

describe('what a push message says', () => {
  it('is a ring that waits for somebody, with ways to answer and decline', () => {
    const { title, options } = notice(said, NOW, false);
    expect([title, options.body, options.tag]).toEqual(['Ada is calling', 'Pump 7', CALL]);
    expect(options).toMatchObject({ requireInteraction: true, renotify: true, silent: false, data: { callId: CALL } });
    expect(options.actions.map(({ action }) => action)).toEqual(['answer', 'decline']);
  });

  it('makes no sound beside a page that rings itself', () => {
    expect(notice(said, NOW, true).options.silent).toBe(true);
  });

  it('takes the place of the ring once that is over, and makes no sound', () => {
    const ends: [string, string][] = [
      ['joined', 'You answered Ada on another device'],
      ['declined', 'You declined Ada on another device'],
      ['takenByOther', 'Somebody else answered Ada'],
      ['timedOut', 'You missed a call from Ada'],
      ['callEnded', 'You missed a call from Ada'],
      ['postponed', 'Ada put the call off'],
      ['brandNew', 'The call from Ada is over'],
    ];
    for (const [ended, title] of ends) {
      const shown = notice(over(ended), NOW, false);
      expect([shown.title, shown.options.tag]).toEqual([title, CALL]);
      expect(shown.options).toMatchObject({ requireInteraction: false, silent: true, actions: [] });
    }
  });

  it('that was too long on its way is a missed call', () => {
    expect(notice({ ...said, until: NOW }, NOW, false).title).toBe('You missed a call from Ada');
  });

  it('of a promise to call back says whom, and rings nobody', () => {
    const { title, options } = notice({ ...said, kind: 'callBack' }, NOW, false);
    expect([title, options.body, options.tag, options.data]).toEqual([
      'Call Ada back',
      'Pump 7',
      CALL,
      { callId: CALL },
    ]);
    expect(options).toMatchObject({ requireInteraction: false, actions: [] });
  });

  it('is shown in any case, for browsers insist', () => {
    for (const text of [undefined, '', 'null', '[]', '{"kind":"ring"}', JSON.stringify({ ...said, until: 'soon' })]) {
      expect(read(text), text).toBeUndefined();
    }
    expect(notice(read(undefined), NOW, false).title).toBe('Something has happened in Farhand');
    expect(read(JSON.stringify({ ...said, more: 1 }))).toMatchObject(said);
  });
});

class FakePage implements Page {
  focused = 0;
  told: object[] = [];
  constructor(
    readonly url: string,
    public visibilityState = 'hidden',
  ) {}
  async focus() {
    this.focused++;
  }
  postMessage(message: object) {
    this.told.push(message);
  }
}

describe('the worker', () => {
  let shown: Notice[];
  let closed: string[];
  let opened: string[];
  let posted: [string, object | undefined][];
  let pages: FakePage[];
  let online: boolean;
  let loggedIn: boolean;
  let ringer: Ringer;

  beforeEach(() => {
    [shown, closed, opened, posted, pages, online, loggedIn] = [[], [], [], [], [], true, true];
    ringer = new Ringer({
      now: () => NOW,
      show: async (notice) => void shown.push(notice),
      shown: async (tag) => [{ close: () => void closed.push(tag) }],
      pages: async () => pages,
      open: async (path) => void opened.push(path),
      post: async (path, body) => {
        if (!online) throw new Error('offline');
        posted.push([path, body]);
        return { ok: loggedIn };
      },
      subscribe: async () => ({ toJSON: () => ({ endpoint: 'https://fresh' }) }) as Subscription,
    });
  });

  it('shows a ring and says that it does', async () => {
    await ringer.pushed(JSON.stringify(said));
    expect(shown.map(({ title }) => title)).toEqual(['Ada is calling']);
    expect(posted).toEqual([['/notify/push/1/abc', undefined]]);
  });

  it('shows a ring although nobody can be told', async () => {
    online = false;
    await ringer.pushed(JSON.stringify(said));
    expect(shown.length).toBe(1);
  });

  it('says nothing to addresses that are no receipts', async () => {
    await ringer.pushed(JSON.stringify({ ...said, receipt: '/rtc/endCall' }));
    expect(posted).toEqual([]);
  });

  it('takes a ring away where a page is open and the person has dealt with it', async () => {
    pages = [new FakePage('https://host/', 'visible')];
    await ringer.pushed(JSON.stringify(over('joined')));
    expect([closed, shown]).toEqual([[CALL], []]);
    await ringer.pushed(JSON.stringify(over('timedOut')));
    expect(shown.map(({ title }) => title)).toEqual(['You missed a call from Ada']);
  });

  it('opens the call where no page of ours is open', async () => {
    pages = [new FakePage('https://host/join'), new FakePage('https://host/check')];
    await ringer.clicked('', { callId: CALL });
    await ringer.clicked('answer', { callId: CALL });
    expect(opened).toEqual([`/call/${CALL}`, `/call/${CALL}`]);
    await ringer.clicked('', {});
    expect(opened.at(-1)).toBe('/');
  });

  it('brings the page of the call, or any other', async () => {
    const [other, own] = [new FakePage('https://host/'), new FakePage(`https://host/history/${CALL}`)];
    pages = [other, own];
    await ringer.clicked('', { callId: CALL });
    expect([other.focused, own.focused, own.told]).toEqual([0, 1, [{ open: CALL }]]);
    pages = [other];
    await ringer.clicked('answer', { callId: CALL });
    expect([other.focused, other.told, opened]).toEqual([1, [{ open: CALL }], []]);
  });

  it('declines for whoever is logged in, and asks for the login where nobody is', async () => {
    await ringer.clicked('decline', { callId: CALL });
    expect([posted, opened]).toEqual([[['/rtc/declineCall', { callId: CALL }]], []]);
    loggedIn = false;
    await ringer.clicked('decline', { callId: CALL });
    expect(opened).toEqual([`/call/${CALL}`]);
  });

  it('tells the server of another address', async () => {
    const fresh = { toJSON: () => ({ endpoint: 'https://given' }) } as Subscription;
    await ringer.changed(undefined, fresh);
    await ringer.changed({ options: {} } as Subscription, null);
    await ringer.changed(undefined, undefined);
    expect(posted.map(([, body]) => body)).toEqual([{ endpoint: 'https://given' }, { endpoint: 'https://fresh' }]);
  });
});
