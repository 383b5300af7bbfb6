/** Timers for browserClock. */
const timers = new Map<number, ReturnType<typeof setTimeout>>();

self.onmessage = ({ data }: MessageEvent<{ timer: number; milliseconds?: number }>) => {
  const { timer, milliseconds } = data;
  clearTimeout(timers.get(timer));
  timers.delete(timer);
  if (milliseconds === undefined) return;
  const run = () => {
    timers.delete(timer);
    self.postMessage(timer);
  };
  timers.set(timer, setTimeout(run, milliseconds));
};
