/** A call of two through the server, one of whom is behind a bad link. */
import { type Api, contact } from '../../e2e/support/api.ts';
import type { Person } from '../../e2e/support/person.ts';
import type { Server } from '../../e2e/support/server.ts';
import { expect } from '../../e2e/support/story.ts';
import { Link } from './link.ts';
import { noteMarks, preparingCanFail } from './marks.ts';
import { bringCamera, countWhatComes, leadAstray, noteShown } from './stage.ts';

type Open = (userId: string, look: { fullPicture: true; baseURL?: string }) => Promise<Person>;

export class SfuCall {
  private constructor(
    private readonly port: number,
    /** Behind the bad link. */
    readonly far: Person,
    readonly near: Person,
    private readonly maker: Api,
    private readonly invited: Api,
  ) {}

  /** `url`: where the far one finds the server. */
  static async prepare(server: Server, open: Open, api: (userId: string) => Promise<Api>, url = server.url): Promise<SfuCall> {
    const [near, far] = await Promise.all([person(open, 'expert1'), person(open, 'expert2', url)]);
    const [maker, invited] = await Promise.all([api('expert1'), api('expert2')]);
    return new SfuCall(Number(new URL(server.url).port), far, near, maker, invited);
  }

  /**
   * Rings, with the near one in the call and the far one connected already if that is `prepared`. Returns the link that is in between, if there
   * is a profile.
   */
  async ring(profile: string | undefined, seed: number, prepared = true): Promise<Link | undefined> {
    const link = profile === undefined ? undefined : await Link.open(this.port, profile, seed);
    await this.far.page.evaluate((port) => (window.way = port), link?.port);
    await this.maker.createCall({ callTitle: 'Bench', invitedContacts: [contact(this.invited.user)] });
    await expect(this.far.ringsFrom(this.near)).toBeVisible();
    await this.near.press('Join Bench');
    await Promise.all([this.near, ...(prepared ? [this.far] : [])].map(connected));
    for (const { page } of [this.far, this.near]) await page.evaluate(() => (window.shown = []));
    return link;
  }

  /** Until both see each other. */
  async begin(profile: string | undefined, seed: number): Promise<Link | undefined> {
    const link = await this.ring(profile, seed);
    await this.far.answer(this.near);
    await this.seen();
    return link;
  }

  async seen(): Promise<void> {
    const seen = ({ page }: Person) => page.waitForFunction(() => window.shown.length > 0, undefined, { polling: 50 });
    await Promise.all([this.far, this.near].map(seen));
  }

  async end(): Promise<void> {
    await this.near.press('Hang up');
    for (const person of [this.near, this.far]) {
      await person.press('Back to contacts');
      await person.ready();
    }
  }
}

async function person(open: Open, userId: string, baseURL?: string): Promise<Person> {
  const person = await open(userId, { fullPicture: true, ...(baseURL && { baseURL }) });
  for (const script of [bringCamera, leadAstray, noteShown, countWhatComes, noteMarks]) await person.context.addInitScript(script);
  await person.context.addInitScript(preparingCanFail);
  await person.page.reload();
  await person.signIn();
  await person.ready();
  return person;
}

async function connected({ page }: Person): Promise<void> {
  const there = () => page.evaluate(() => window.connections.some(({ connectionState }) => connectionState === 'connected'));
  await expect.poll(there, 'a connection to the server').toBe(true);
}
