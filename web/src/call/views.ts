/** Which pictures are on the screen and how high: the server sends no more than that. */
import type { MediaView, Source } from '../api/types';
import type { Clock } from '../signalling/clock';

/** A window that is being resized, or a grid that grows by one, is told once. */
const QUIET_MS = 200;

export class Views {
  private readonly heights = new Map<string, MediaView>();
  private hidden = false;
  private said = '';
  private timer: number | undefined;

  constructor(
    private readonly clock: Clock,
    private readonly say: (views: MediaView[]) => void,
  ) {}

  /** In device pixels; 0 for one that is not to be seen. */
  show(contact: number, source: Source, height: number): void {
    this.heights.set(`${contact} ${source}`, { contact, source, height: Math.round(height) });
    this.later();
  }

  /** Nobody looks at the page. */
  hide(hidden: boolean): void {
    this.hidden = hidden;
    this.later();
  }

  /** The server may have forgotten. */
  again(): void {
    this.said = '';
    this.later();
  }

  private later(): void {
    this.clock.clearTimeout(this.timer);
    this.timer = this.clock.setTimeout(() => this.now(), QUIET_MS);
  }

  private now(): void {
    const views = [...this.heights.values()].map((view) => (this.hidden ? { ...view, height: 0 } : view));
    const text = JSON.stringify(views);
    if (views.length === 0 || text === this.said) return;
    this.said = text;
    this.say(views);
  }
}

export interface Size {
  width: number;
  height: number;
}

/** How high a picture is that is made as large as a box allows. Before it comes it is taken for 16:9. */
export function fitted(box: Size, picture: Size): number {
  const ratio = picture.height > 0 ? picture.width / picture.height : 16 / 9;
  return Math.min(box.height, box.width / ratio);
}
