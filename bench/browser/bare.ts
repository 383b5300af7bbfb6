/** Two pages that connect without a server: what the browser alone makes of a bad link. */
import type { Person } from '../../e2e/support/person.ts';
import type { Page } from './floor.ts';
import { Link } from './link.ts';
import { bringCamera, countWhatComes, leadAstray, noteShown } from './stage.ts';

export type Browser = Parameters<typeof Person.open>[0];
type Context = Person['context'];

declare global {
  interface Window {
    /** Hands out a description with all its candidates. */
    describe: (cap: number | undefined, offer?: string) => Promise<string>;
    answered: (answer: string) => Promise<void>;
  }
}

const ADDRESS = 'http://localhost/';
const PAGE = `<!doctype html><title>Bare</title>
<video data-testid="remote-video" autoplay playsinline muted width="640" height="360"></video><audio autoplay></audio>`;

export class Bare {
  private constructor(
    /** Behind the bad link. */
    readonly far: Page,
    readonly near: Page,
    private readonly contexts: Context[],
  ) {}

  static async open(browser: Browser): Promise<Bare> {
    const contexts = await Promise.all([open(browser), open(browser)]);
    const [far, near] = await Promise.all(contexts.map((context) => page(context)));
    if (!far || !near) throw new Error('no pages');
    return new Bare(far, near, contexts);
  }

  /** Connects the pages; with a profile, through a link. `cap`: the most their pictures may take, in bit/s. */
  async connect(profile: string | undefined, seed: number, cap?: number): Promise<Link | undefined> {
    const offer = await this.near.evaluate((cap) => window.describe(cap), cap);
    const port = / udp \d+ 127\.0\.0\.1 (\d+) typ host/.exec(offer)?.[1];
    if (!port) throw new Error(`no address of this machine in\n${offer}`);
    const link = profile === undefined ? undefined : await Link.open(Number(port), profile, seed);
    const [session, first, ...others] = withoutCandidates(offer).split(/^(?=m=)/m);
    const candidate = `a=candidate:1 1 udp 2130706431 127.0.0.1 ${link?.port ?? port} typ host\r\n`;
    const told = [session, first, candidate, ...others].join('');
    const answer = await this.far.evaluate(([cap, told]) => window.describe(cap, told), [cap, told] as const);
    // The far end's address is learnt from its checks.
    await this.near.evaluate((answer) => window.answered(answer), withoutCandidates(answer));
    await Promise.all([this.far, this.near].map((page) => page.waitForFunction(() => window.shown.length > 0)));
    return link;
  }

  async hangUp(): Promise<void> {
    await Promise.all([this.far, this.near].map((page) => page.evaluate(() => window.hangUp())));
  }

  async close(): Promise<void> {
    await Promise.all(this.contexts.map((context) => context.close()));
  }
}

function withoutCandidates(sdp: string): string {
  return sdp.replace(/^a=(candidate:.*|end-of-candidates)\r\n/gm, '');
}

async function open(browser: Browser): Promise<Context> {
  const context = await browser.newContext();
  await context.grantPermissions(['camera', 'microphone'], { origin: ADDRESS });
  await context.route(ADDRESS, (route) => route.fulfill({ contentType: 'text/html', body: PAGE }));
  for (const script of [bringCamera, leadAstray, noteShown, countWhatComes]) await context.addInitScript(script);
  return context;
}

async function page(context: Context): Promise<Page> {
  const page = await context.newPage();
  await page.goto(ADDRESS);
  await page.evaluate(prepare);
  return page;
}

/** Runs in the page. */
async function prepare(): Promise<void> {
  const stream = await navigator.mediaDevices.getUserMedia({ audio: true, video: true });
  const [video, audio] = ['video', 'audio'].map((name) => document.querySelector(name) as HTMLMediaElement);
  let connection: RTCPeerConnection | undefined;
  const start = (): RTCPeerConnection => {
    const made = new RTCPeerConnection({ bundlePolicy: 'max-bundle' });
    made.ontrack = ({ track }) => {
      const element = track.kind === 'video' ? video : audio;
      if (element) element.srcObject = new MediaStream([track]);
    };
    connection = made;
    return made;
  };
  window.describe = async (cap, offer) => {
    const made = start();
    if (offer) await made.setRemoteDescription({ type: 'offer', sdp: offer });
    for (const track of stream.getTracks()) {
      const sender = made.addTrack(track, stream);
      if (!cap || track.kind === 'audio') continue;
      const parameters = sender.getParameters();
      for (const encoding of parameters.encodings) encoding.maxBitrate = cap;
      await sender.setParameters(parameters);
    }
    await made.setLocalDescription();
    if (made.iceGatheringState !== 'complete') {
      await new Promise<void>((done) => {
        made.onicegatheringstatechange = () => made.iceGatheringState === 'complete' && done();
      });
    }
    return made.localDescription?.sdp ?? '';
  };
  window.answered = async (sdp) => connection?.setRemoteDescription({ type: 'answer', sdp });
  window.hangUp = () => {
    connection?.close();
    connection = undefined;
    window.connections = [];
    window.shown = [];
  };
}
