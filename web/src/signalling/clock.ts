/** Time as an argument, so that tests move it by hand. */
export interface Clock {
  now(): number;
  setTimeout(run: () => void, milliseconds: number): number;
  clearTimeout(timer: number | undefined): void;
}
