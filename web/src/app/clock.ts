/**
 * The browser's time, with timers that run in a worker: browsers slow the timers of hidden pages down to one a minute,
 * which would let the connection of a page in the background die, and nobody could ring it.
 */
import type { Clock } from '../signalling/clock';

export function browserClock(): Clock {
  const worker = new Worker(new URL('./timer.worker.ts', import.meta.url), { type: 'module' });
  const runs = new Map<number, () => void>();
  let last = 0;
  worker.onmessage = ({ data }: MessageEvent<number>) => {
    const run = runs.get(data);
    runs.delete(data);
    run?.();
  };
  return {
    now: () => Date.now(),
    setTimeout(run, milliseconds) {
      last += 1;
      runs.set(last, run);
      worker.postMessage({ timer: last, milliseconds });
      return last;
    },
    clearTimeout(timer) {
      if (timer === undefined || !runs.delete(timer)) return;
      worker.postMessage({ timer });
    },
  };
}
