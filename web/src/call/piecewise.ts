/** Sends and fetches in pieces that leave room for the sound of a weak link: as large as it carries in a moment, and as long a pause after each. */
import type { Clock } from '../signalling/clock';

const FIRST = 4 * 1024;
const SMALLEST = 1024;
const LARGEST = 64 * 1024;
/** What a piece is to take. Longer, and words would be missing; shorter, and most of it would be headers. */
const MOMENT_MS = 300;
/** After a break. */
const AGAIN_MS = 2_000;

export class Piecewise {
  private size = FIRST;

  constructor(private readonly clock: Clock) {}

  /** `piece` carries so many bytes from there on, and says where to go on, or that it is no use. Goes on after breaks until it is withdrawn. */
  async all(
    piece: (from: number, bytes: number) => Promise<number | undefined>,
    until: (at: number) => boolean,
    withdrawn: AbortSignal,
  ): Promise<boolean> {
    let at = 0;
    while (!withdrawn.aborted) {
      const began = this.clock.now();
      let next: number | undefined;
      try {
        next = await piece(at, this.size);
      } catch {
        await this.sleep(AGAIN_MS);
        this.size = FIRST;
        continue;
      }
      if (next === undefined) return false;
      const took = Math.max(this.clock.now() - began, 1);
      this.learn(next - at, took);
      at = next;
      if (until(at)) return true;
      await this.sleep(took);
    }
    return false;
  }

  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => this.clock.setTimeout(resolve, ms));
  }

  private learn(bytes: number, took: number): void {
    if (bytes <= 0) return;
    // At most twice as much at once: the first pieces of a connection are the slow ones.
    const fits = Math.min((bytes * MOMENT_MS) / took, this.size * 2);
    this.size = Math.round(Math.min(Math.max(fits, SMALLEST), LARGEST));
  }
}
