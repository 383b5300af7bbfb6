/**
 * From one connection to the next without a gap: what the former shows of a person is shown until the next has delivered
 * the same, each picture and each sound by itself.
 */
import type { Source } from '../api/types';
import type { Clock } from '../signalling/clock';
import type { Flow, PersonTracks, Remote, Tracks } from './session';

/** How often to look whether something has come. A gap of sound this long is hardly noticed. */
const LOOK_MS = 100;
/** What has not come after this long comes from nobody any more. */
const PATIENCE_MS = 5_000;
/** A direct connection stays for the other end this much longer, which may still be looking at it. */
const LINGER_MS = 5_000;

export class Handover {
  private readonly arrived = new Set<string>();
  private lookTimer: number | undefined;
  private endTimer: number | undefined;
  private lingerTimer: number | undefined;
  private over = false;
  private closed = false;

  /** `lasting`: the former goes on by itself, and need not be given up before the next is connected. */
  constructor(
    readonly former: Flow,
    private readonly next: Flow,
    readonly lasting: boolean,
    private readonly clock: Clock,
    private readonly changed: () => void,
  ) {
    if (!lasting) this.limit();
    this.lookLater();
  }

  /** The next one is connected: what is to come must come now. */
  limit(): void {
    this.endTimer ??= this.clock.setTimeout(() => this.end(), PATIENCE_MS);
  }

  /** What is to be seen and heard now. */
  get remote(): Remote {
    const people = new Map<number, PersonTracks>(this.next.remote);
    for (const { contact, source, track } of this.awaited()) {
      people.set(contact, { ...people.get(contact), [source]: track });
    }
    return people;
  }

  /** Nothing of the former is to be seen or heard here any more. */
  get done(): boolean {
    return this.over;
  }

  /** Leaves the former as it is, for another handover. */
  stop(): void {
    this.over = true;
    for (const timer of [this.lookTimer, this.endTimer, this.lingerTimer]) this.clock.clearTimeout(timer);
  }

  /** Closes the former. */
  close(): void {
    this.stop();
    if (!this.closed) this.former.close();
    this.closed = true;
  }

  setTracks(tracks: Tracks): void {
    if (!this.closed) this.former.setTracks(tracks);
  }

  private end(): void {
    this.stop();
    if (this.lasting) this.lingerTimer = this.clock.setTimeout(() => this.close(), LINGER_MS);
    else this.close();
    this.changed();
  }

  private awaited(): { contact: number; source: Source; track: MediaStreamTrack }[] {
    const all = entries(this.former.remote);
    return all.filter(({ contact, source }) => !this.arrived.has(key(contact, source)));
  }

  private lookLater(): void {
    this.lookTimer = this.clock.setTimeout(() => void this.look(), LOOK_MS);
  }

  private async look(): Promise<void> {
    const stats = await this.next.stats();
    if (this.over) return;
    const delivered = stats ? deliveredTracks(stats) : new Set<string>();
    const news = entries(this.next.remote).filter(
      ({ contact, source, track }) => delivered.has(track.id) && !this.arrived.has(key(contact, source)),
    );
    for (const { contact, source } of news) this.arrived.add(key(contact, source));
    if (this.awaited().length === 0) {
      this.end();
      return;
    }
    if (news.length > 0) this.changed();
    this.lookLater();
  }
}

/**
 * The tracks on which something has come: pictures that could be decoded, sound that was received. A track is unmuted
 * earlier than that, by packets that only measure the link.
 */
export function deliveredTracks(stats: RTCStatsReport): Set<string> {
  const delivered = new Set<string>();
  for (const report of stats.values()) {
    if (report.type !== 'inbound-rtp') continue;
    const count = report.kind === 'video' ? report.framesDecoded : report.packetsReceived;
    if (count > 0) delivered.add(report.trackIdentifier);
  }
  return delivered;
}

function entries(remote: Remote): { contact: number; source: Source; track: MediaStreamTrack }[] {
  return [...remote].flatMap(([contact, tracks]) =>
    (Object.entries(tracks) as [Source, MediaStreamTrack][]).map(([source, track]) => ({ contact, source, track })),
  );
}

function key(contact: number, source: Source): string {
  return `${contact} ${source}`;
}
