/** The caller's calls, newest first, a page at a time. */
import type { CallLog, CallLogPage } from '../api/types';

const PAGE = 20;

export class LogPages {
  calls = $state.raw<CallLog[]>([]);
  phase = $state<'loading' | 'there' | 'failed'>('loading');
  /** The error's code, where it failed. */
  code = $state('');

  private next = $state<number | undefined>();
  private busy = false;

  constructor(private readonly fetch: (before: number | undefined, limit: number) => Promise<CallLogPage>) {}

  get more(): boolean {
    return this.phase === 'there' && this.next !== undefined;
  }

  /** The next page, or the one that failed once more. A second click while it is under way asks for nothing. */
  async load(): Promise<void> {
    if (this.busy) return;
    this.busy = true;
    this.phase = 'loading';
    try {
      const page = await this.fetch(this.next, PAGE);
      this.calls = [...this.calls, ...page.calls];
      this.next = page.next ?? undefined;
      this.phase = 'there';
    } catch (error) {
      this.code = error instanceof Error && 'code' in error ? String(error.code) : 'internal';
      this.phase = 'failed';
    } finally {
      this.busy = false;
    }
  }
}
