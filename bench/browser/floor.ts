import { capture360p, noteMarks } from './marks.ts';
import type { Person } from '../../e2e/support/person.ts';

type Context = Person['context'];
export type Page = Person['page'];

declare global {
  interface Window {
    /** Ends the connection of the last round. */
    hangUp: () => void;
  }
}

const ADDRESS = 'http://localhost/';

/** What a connection takes when nothing stands between the pages: no server, no account, no call. */
export class Floor {
  private constructor(
    readonly caller: Page,
    readonly callee: Page,
  ) {}

  /** Two pages of one browser context, with camera and microphone open, that speak over a BroadcastChannel. */
  static async open(context: Context): Promise<Floor> {
    await context.grantPermissions(['camera', 'microphone'], { origin: ADDRESS });
    await context.route(ADDRESS, (route) => route.fulfill({ contentType: 'text/html', body: PAGE }));
    await context.addInitScript(noteMarks);
    await context.addInitScript(capture360p);
    const caller = await context.newPage();
    await caller.goto(ADDRESS);
    const callee = await anotherWindow(context, caller);
    await caller.evaluate(connect, true);
    await callee.evaluate(connect, false);
    return new Floor(caller, callee);
  }

  async answer(): Promise<void> {
    await this.callee.getByRole('button', { name: 'Answer' }).click();
  }

  async hangUp(): Promise<void> {
    for (const page of [this.caller, this.callee]) await page.evaluate(() => window.hangUp());
  }
}

/** Not another tab of the same window: only the one in front is drawn. Without an opener it has a process of its own. */
async function anotherWindow(context: Context, first: Page): Promise<Page> {
  const opened = context.waitForEvent('page');
  await first.evaluate((address) => void window.open(address, '', 'popup,noopener,width=900,height=700'), ADDRESS);
  const page = await opened;
  await page.getByRole('button', { name: 'Answer' }).waitFor();
  return page;
}

const PAGE = `<!doctype html><title>Floor</title>
<div role="alertdialog"><button>Answer</button></div>
<video data-testid="remote-video" autoplay playsinline muted width="640" height="360"></video>`;

/** Runs in the page. The callee says that it answers, the caller offers, and the candidates trickle. */
async function connect(isCaller: boolean): Promise<void> {
  const stream = await navigator.mediaDevices.getUserMedia({ audio: true, video: true });
  const channel = new BroadcastChannel('floor');
  const remote = document.querySelector('video') as HTMLVideoElement;
  let connection: RTCPeerConnection | undefined;
  let early: RTCIceCandidateInit[] = [];
  const start = (): RTCPeerConnection => {
    const made = new RTCPeerConnection();
    made.onicecandidate = ({ candidate }) => candidate && channel.postMessage({ candidate: candidate.toJSON() });
    made.ontrack = ({ streams }) => (remote.srcObject = streams[0] ?? null);
    for (const track of stream.getTracks()) made.addTrack(track, stream);
    connection = made;
    return made;
  };
  const describe = async (made: RTCPeerConnection): Promise<void> => {
    await made.setLocalDescription();
    channel.postMessage({ description: made.localDescription?.toJSON() });
  };
  const described = async (made: RTCPeerConnection, description: RTCSessionDescriptionInit): Promise<void> => {
    await made.setRemoteDescription(description);
    for (const candidate of early.splice(0)) await made.addIceCandidate(candidate);
    if (description.type === 'offer') await describe(made);
  };
  channel.onmessage = async ({ data }) => {
    if (data.answered) await describe(start());
    else if (data.description) await described(connection ?? start(), data.description);
    else if (connection?.remoteDescription) await connection.addIceCandidate(data.candidate);
    else early.push(data.candidate);
  };
  document.querySelector('button')?.addEventListener('click', () => channel.postMessage({ answered: true }));
  window.hangUp = () => {
    connection?.close();
    connection = undefined;
    early = [];
    remote.srcObject = null;
  };
  document.title = isCaller ? 'Caller' : 'Callee';
}
