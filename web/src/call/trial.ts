/**
 * When a page that sends straight to another one tries the whole picture again. Browsers believe in little more than they have sent, so
 * nothing but a try shows what the link carries now. The others are told of it once it has succeeded.
 */
import type { Way } from './way';

/** Nothing is tried before so many looks in a row at a way that is free, and nothing has succeeded before. */
const FREE_LOOKS = 3;
/** Reports of what has been sent before come late. */
const SETTLED_MS = 8_000;
/** So often in a row what is sent must not come through to be too much by itself: when the other end tries, too, it holds things up for a while. */
const HELD_LOOKS = 4;
/** And so often while more is tried, unless it is jammed: a device that begins to send pictures is late with everything for a moment. */
const HARM_LOOKS = 2;
/** A try in vain is heard by the other end, so it is made more and more seldom; after so long at most, since so long people wait for a picture over a link that is good again. */
const PATIENCE_MS = 10_000;
const MOST_PATIENCE_MS = 30_000;
/** The browser finds out within that time what there is room for; meanwhile a way that is free shows that nobody is harmed. */
const LONGEST_MS = 20_000;
/** A picture that has been sent for so long was not tried in vain. */
const PROVED_MS = 20_000;

export class Trial {
  on = false;
  /** What is sent has not come through for a while. */
  stuck = false;
  /** When it began or ended, or less was sent for another reason. */
  private since = 0;
  private found = Number.NEGATIVE_INFINITY;
  private free = 0;
  private held = 0;
  private patience = PATIENCE_MS;

  /** Whether it is time for one. To be asked at each look. */
  due(at: number, way: Way): boolean {
    this.free = way === 'free' ? this.free + 1 : 0;
    this.held = waits(way) && this.settled(at) ? this.held + 1 : 0;
    this.stuck ||= this.held >= HELD_LOOKS;
    if (this.free < FREE_LOOKS) return false;
    // A link that could not carry what is sent, and can now, has become another.
    return this.stuck || at - this.since >= this.patience;
  }

  begin(at: number): void {
    this.on = true;
    this.turn(at);
  }

  /** Whether there was room for more; nothing, as long as that is not known. `short`: not for as much as the picture wants. */
  outcome(at: number, way: Way, short: boolean): boolean | undefined {
    this.held = waits(way) ? this.held + 1 : 0;
    if (way === 'jammed' || this.held >= HARM_LOOKS) return false;
    this.free = way === 'free' ? this.free + 1 : 0;
    if (this.free >= FREE_LOOKS && !short) return true;
    return at - this.since >= LONGEST_MS ? true : undefined;
  }

  end(at: number, found: boolean): void {
    this.on = false;
    if (found) this.found = at;
    else this.patience = Math.min(this.patience * 2, MOST_PATIENCE_MS);
    this.turn(at);
  }

  /** The link carries less than was sent. */
  down(at: number): void {
    const proved = at - this.found >= PROVED_MS;
    this.patience = proved ? PATIENCE_MS : Math.min(this.patience * 2, MOST_PATIENCE_MS);
    this.found = Number.NEGATIVE_INFINITY;
    this.turn(at);
  }

  /** What is sent now does without what did not fit, and that shows by now. */
  private settled(at: number): boolean {
    return at - this.since >= SETTLED_MS;
  }

  private turn(at: number): void {
    this.since = at;
    this.free = 0;
    this.held = 0;
    this.stuck = false;
  }
}

function waits(way: Way): boolean {
  return way === 'held' || way === 'jammed';
}
