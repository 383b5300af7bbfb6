/** How people are laid out: as large as they all fit, without scrolling. */
import type { Size } from './views';

/** The name under a picture. */
const NAME = 34;
const GAP = 10;

/** How many side by side. */
export function columnsFor(count: number, { width, height }: Size): number {
  let best = { columns: 1, size: 0 };
  for (let columns = 1; columns <= count; columns += 1) {
    const rows = Math.ceil(count / columns);
    const across = (width - GAP * (columns - 1)) / columns;
    const down = (height - GAP * (rows - 1)) / rows - NAME;
    const size = Math.min(across, (down * 16) / 9);
    if (size > best.size) best = { columns, size };
  }
  return best.columns;
}
