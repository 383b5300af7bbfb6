/** Rings while no page is open: shows what push messages say, and brings the page when somebody clicks. Holds nothing, and caches nothing. */
import { DECLINE, endOf, isDealtWith, type Kept, type Notice, notice, read, type Said } from './said';

/** A page of ours. */
export interface Page {
  url: string;
  visibilityState: string;
  focus(): Promise<unknown>;
  postMessage(message: ToPage): void;
}

/** What a page is told when somebody has clicked on a notification. */
export interface ToPage {
  open: string;
}

export interface Shown {
  close(): void;
}

/** A browser's subscription as the page sends it, too. */
export interface Subscription {
  options: PushSubscriptionOptions;
  toJSON(): object;
}

export interface RingerEnvironment {
  now(): number;
  show(notice: Notice): Promise<void>;
  shown(tag: string): Promise<Shown[]>;
  pages(): Promise<Page[]>;
  open(path: string): Promise<unknown>;
  /** As whoever is logged in here, if anybody still is. */
  post(path: string, body?: object): Promise<{ ok: boolean }>;
  subscribe(options: PushSubscriptionOptions): Promise<Subscription>;
}

const RECEIPTS = '/notify/push/';
/** Pages of somebody else than the login: guests', and the test before a call. */
const FOREIGN = ['/join', '/request', '/check'];

export class Ringer {
  constructor(private readonly env: RingerEnvironment) {}

  async pushed(text: string | undefined): Promise<void> {
    const said = read(text);
    const watched = (await this.env.pages()).some((page) => page.visibilityState === 'visible');
    if (said && watched && isDealtWith(endOf(said, this.env.now()))) await this.close(said.callId);
    else await this.env.show(notice(said, this.env.now(), watched));
    if (said) await this.confirm(said);
  }

  async clicked(action: string, { callId }: Kept): Promise<void> {
    if (!callId) {
      await this.bring('/', undefined);
      return;
    }
    if (action === DECLINE && (await this.decline(callId))) return;
    await this.bring(`/call/${callId}`, callId);
  }

  /** The push service wants another address; without a good login the page sees to it when it is opened next. */
  async changed(old: Subscription | null | undefined, fresh: Subscription | null | undefined): Promise<void> {
    const next = fresh ?? (old ? await this.env.subscribe(old.options) : undefined);
    if (next) await this.env.post('/rtc/subscribeToPush', next.toJSON()).catch(() => undefined);
  }

  private async close(tag: string): Promise<void> {
    for (const shown of await this.env.shown(tag)) shown.close();
  }

  private async confirm({ receipt }: Said): Promise<void> {
    // Out of reach: then the caller does not see that it is shown.
    if (receipt.startsWith(RECEIPTS)) await this.env.post(receipt).catch(() => undefined);
  }

  /** False where the login has run out meanwhile: the page asks for it. */
  private async decline(callId: string): Promise<boolean> {
    const answer = await this.env.post('/rtc/declineCall', { callId }).catch(() => undefined);
    return answer?.ok ?? false;
  }

  private async bring(path: string, callId: string | undefined): Promise<void> {
    const pages = (await this.env.pages()).filter(({ url }) => !FOREIGN.includes(new URL(url).pathname));
    const of = (page: Page) => callId !== undefined && new URL(page.url).pathname.endsWith(`/${callId}`);
    const page = pages.find(of) ?? pages[0];
    if (!page) {
      await this.env.open(path);
      return;
    }
    // Refused where the click is too long ago; the page itself is there all the same.
    await page.focus().catch(() => undefined);
    if (callId) page.postMessage({ open: callId });
  }
}
