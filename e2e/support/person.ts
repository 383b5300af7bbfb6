import {
  type Browser,
  type BrowserContext,
  type BrowserContextOptions,
  expect,
  type Locator,
  type Page,
} from '@playwright/test';
import { leadThrough, leadToOther, withoutServers } from './link.ts';
import { allowRelaysWithinTlsOnly, type Line, type Received, watchPeerConnections, watchPicture } from './probe.ts';

/** What the window is like: its size, its colours, and whether the camera's picture is as large as the page asks for. */
export type Look = BrowserContextOptions & {
  fullPicture?: boolean;
  /** As behind a firewall that lets nothing through but a connection to the server. */
  relayOnly?: boolean;
  /** The port of a link to the server, by which its media go. */
  through?: number;
  /** Where it finds what is at a port of the page it is connected with directly, if it is to look for it there. */
  portTo?: (port: number) => Promise<number | undefined>;
};

/** Somebody in front of a browser window. */
export class Person {
  /** As others see it; known once signed in. */
  name = '';
  /** What the browser has kept the page from, by the server's rules for its content. */
  readonly refused: string[] = [];

  private constructor(
    readonly context: BrowserContext,
    readonly page: Page,
    readonly userId: string,
  ) {
    page.on('console', (message) => {
      if (message.text().includes('Content Security Policy')) this.refused.push(message.text());
    });
  }

  /** Opens a window with cookies of its own at the sign-in page. */
  static async open(browser: Browser, base: string, userId: string, look: Look = {}): Promise<Person> {
    const { fullPicture, relayOnly, through, portTo, ...options } = look;
    const context = await browser.newContext({ baseURL: base, permissions: ['camera', 'microphone'], ...options });
    if (relayOnly) await context.addInitScript(allowRelaysWithinTlsOnly);
    if (through || portTo) await context.addInitScript(withoutServers);
    if (through) await context.addInitScript(leadThrough, through);
    if (portTo) {
      await context.exposeFunction('portTo', portTo);
      await context.addInitScript(leadToOther);
    }
    await context.addInitScript(watchPeerConnections);
    if (!fullPicture) await context.addInitScript(smallPicture);
    const person = new Person(context, await context.newPage(), userId);
    await person.page.goto('/');
    return person;
  }

  async signIn(password = 'demo'): Promise<void> {
    await this.page.getByRole('textbox', { name: 'Domain' }).fill('ubimax');
    await this.page.getByRole('textbox', { name: 'User' }).fill(this.userId);
    await this.page.getByLabel('Password').fill(password);
    await this.press('Sign in');
  }

  /** Waits until calls can come in. */
  async ready(): Promise<void> {
    await expect(this.page.getByTestId('server-state')).toHaveText('Ready for calls');
    const me = (await (await this.context.request.get('/auth/me')).json()) as { displayName: string };
    this.name = me.displayName;
  }

  /** Calls somebody from the list of contacts. */
  async call(other: Person): Promise<void> {
    await this.press(`Call ${other.name}`);
  }

  button(name: string): Locator {
    return this.page.getByRole('button', { name, exact: true });
  }

  async press(name: string): Promise<void> {
    await this.button(name).click();
  }

  /** The pop-up of an incoming call. */
  get ring(): Locator {
    return this.page.getByRole('alertdialog');
  }

  ringsFrom(caller: Person): Locator {
    return this.page.getByRole('alertdialog', { name: `${caller.name} is calling`, exact: true });
  }

  async answer(caller: Person, how: 'with video' | 'without video' = 'with video'): Promise<void> {
    await this.ringsFrom(caller)
      .getByRole('button', { name: `Answer ${how}`, exact: true })
      .click();
  }

  /** Whoever it is that rings. */
  async answerAnybody(): Promise<void> {
    await this.ring.getByRole('button', { name: 'Answer with video', exact: true }).click();
  }

  /** The other one as the heading of the call view. */
  async inCallWith(other: Person): Promise<void> {
    await expect(this.page.getByRole('heading', { name: other.name, exact: true })).toBeVisible();
  }

  /** The view after a call, and why it is over. */
  async endedBecause(reason: string): Promise<void> {
    await expect(this.page.getByRole('heading', { name: 'Call ended', exact: true })).toBeVisible();
    await expect(this.page.getByTestId('end-reason')).toHaveText(reason);
  }

  get connection(): Locator {
    return this.page.getByTestId('connection-state');
  }

  async connected(): Promise<void> {
    await expect(this.connection).toHaveText('Connected directly');
  }

  async throughServer(timeout = 10_000): Promise<void> {
    await expect(this.connection).toHaveText('Connected through the server', { timeout });
  }

  /** From now on, pictures and sound of so many others go on coming, and each of them has a picture on the screen. */
  async seesAndHearsAll(count: number): Promise<void> {
    const before = (await this.received()).lines;
    const coming = ([track, { kind, count, energy }]: [string, Line]) => {
      const then = before[track] ?? { count: 0, energy: 0 };
      // A line that has fallen silent goes on humming for a while, but nothing comes on it.
      return count > then.count + 10 && (kind === 'picture' || energy > then.energy);
    };
    const kinds = async () =>
      Object.entries((await this.received()).lines)
        .filter(coming)
        .map(([, { kind }]) => kind)
        .sort();
    const expected = [...Array(count).fill('picture'), ...Array(count).fill('sound')];
    await expect.poll(kinds, { message: 'pictures and sound of everybody', timeout: 20_000 }).toEqual(expected);
    const videos = this.page.getByTestId('remote-video');
    await expect(videos).toHaveCount(count);
    for (const video of await videos.all()) await this.shows(video);
  }

  /** The frames that bring the server an offer for media, from the page's next connection to it on. */
  offersSent(): string[] {
    const offers: string[] = [];
    this.page.on('websocket', (socket) => {
      socket.on('framesent', ({ payload }) => {
        const { type, offer } = JSON.parse(payload.toString()) as { type: string; offer?: object };
        if (offer || type === 'mediaOffer') offers.push(type);
      });
    });
    return offers;
  }

  received(): Promise<Received> {
    return this.page.evaluate(() => window.received());
  }

  /** From now on, another second's worth of pictures is decoded and something is heard. */
  async seesAndHears(): Promise<void> {
    await this.sees();
    await this.hears();
  }

  /** The ways media take or have taken, each by a name of its own. */
  pairs(): Promise<string[]> {
    return this.page.evaluate(() => window.pairs());
  }

  /** From now on, notes whenever this one's picture is not there. */
  watchPictureOf(other: Person): Promise<void> {
    return this.page.evaluate(watchPicture, `Video of ${other.name}`);
  }

  /** How many frames were drawn without it since then. */
  framesWithoutPicture(): Promise<number> {
    return this.page.evaluate(() => window.framesWithoutPicture());
  }

  async sees(): Promise<void> {
    const { framesDecoded } = await this.received();
    await expect
      .poll(async () => (await this.received()).framesDecoded, 'pictures')
      .toBeGreaterThan(framesDecoded + 10);
    await this.showsPictures();
  }

  async hears(): Promise<void> {
    const { audioEnergy } = await this.received();
    await expect.poll(async () => (await this.received()).audioEnergy, 'sound').toBeGreaterThan(audioEnergy);
  }

  /** What is decoded also reaches the screen: the element plays, and shows new frames. */
  private async showsPictures(): Promise<void> {
    await this.shows(this.page.getByTestId('remote-video'));
  }

  /** The element plays, and shows new frames. */
  async shows(video: Locator): Promise<void> {
    await expect(video).toBeVisible();
    const shown = () => video.evaluate((v: HTMLVideoElement) => v.getVideoPlaybackQuality().totalVideoFrames);
    const before = await shown();
    await expect.poll(shown, 'pictures on the screen').toBeGreaterThan(before);
  }
}

/** The stories are about calls, not about the picture: a small one leaves the machine time for the call. */
function smallPicture(): void {
  const devices = navigator.mediaDevices;
  const open = devices.getUserMedia.bind(devices);
  devices.getUserMedia = (wanted) => {
    const small = { width: 320, height: 180, frameRate: 10 };
    const video =
      wanted?.video && typeof wanted.video === 'object' ? { ...wanted.video, ...small } : wanted?.video && small;
    return open({ ...wanted, video });
  };
}
