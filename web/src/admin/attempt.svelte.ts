/** Something an administrator does: whether it is under way, and what came of it. */
import { RestError } from '../api/answer';

/** Words by their id. */
export interface Words {
  id: string;
  args?: Record<string, string | number>;
}

export class Attempt {
  busy = $state(false);
  /** Error code, or the id of the words for what was wrong before anything was asked. */
  failed = $state.raw<{ code: string; pointer: string } | undefined>();
  done = $state.raw<Words | undefined>();

  /** `work` resolves to the words for what came of it. Tells whether it went well. */
  async run(work: () => Promise<Words | undefined>): Promise<boolean> {
    this.busy = true;
    this.failed = undefined;
    this.done = undefined;
    try {
      this.done = await work();
      return true;
    } catch (problem) {
      const known = problem instanceof RestError;
      this.failed = { code: known ? problem.code : 'internal', pointer: (known && problem.pointer) || '' };
      return false;
    } finally {
      this.busy = false;
    }
  }
}
