import type { Reporter, Suite, TestCase } from '@playwright/test/reporter';

/** Prints the one closing line that `cargo xtask test` reads. A story that did not run has not passed. */
export default class Closing implements Reporter {
  private tests: TestCase[] = [];

  onBegin(_config: unknown, suite: Suite): void {
    this.tests = suite.allTests();
  }

  onEnd(): void {
    const passed = this.tests.filter((test) => test.ok() && test.results.length > 0).length;
    process.stdout.write(`stories: ${passed} passed, ${this.tests.length - passed} failed\n`);
  }

  printsToStdio(): boolean {
    return false;
  }
}
