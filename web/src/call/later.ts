/** A promise that somebody else keeps. */
export class Later<T> {
  readonly promise: Promise<T>;
  resolve!: (value: T) => void;
  reject!: (why: unknown) => void;

  constructor() {
    this.promise = new Promise((resolve, reject) => {
      this.resolve = resolve;
      this.reject = reject;
    });
  }
}
