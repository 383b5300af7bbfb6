/** Messages that were not sent, or may not have been, and can be sent again. */
import type { AdminRest } from '../api/admin';
import { RestError } from '../api/answer';
import type { DeadLetter } from '../api/types';
import { Attempt } from './attempt.svelte';

/** Whether it can be sent again, and was not. */
export function isOpen({ callEnded, sentAgain }: DeadLetter): boolean {
  return !callEnded && !sentAgain;
}

export class DeadLetters {
  readonly attempt = new Attempt();
  /** The latest first; nothing until they are known. */
  letters = $state.raw<DeadLetter[] | undefined>();

  /** One for each place: whoever was told of a call and then of its new time needs one message. A text that may have been sent
   * is sent again by hand only. */
  readonly unsent = $derived.by(() => {
    const unsent = (this.letters ?? []).filter((letter) => isOpen(letter) && letter.state !== 'uncertain');
    return [...new Map(unsent.map((letter) => [placeOf(letter), letter])).values()];
  });

  constructor(private readonly rest: Pick<AdminRest, 'deadLetters' | 'resendDeadLetter'>) {}

  load(): Promise<boolean> {
    return this.attempt.run(async () => {
      await this.look();
      return undefined;
    });
  }

  resend({ callId, id, displayName, address }: DeadLetter): Promise<boolean> {
    return this.attempt.run(async () => {
      await this.rest.resendDeadLetter(callId, id);
      await this.look();
      return { id: 'dead-sent-again', args: { name: displayName || address } };
    });
  }

  /** One after another: what is wrong with one keeps no other from going out. */
  resendAll(): Promise<boolean> {
    return this.attempt.run(async () => {
      const all = this.unsent;
      let refused = 0;
      for (const { callId, id } of all) {
        try {
          await this.rest.resendDeadLetter(callId, id);
        } catch (problem) {
          // Then the others would not go out either.
          if (!(problem instanceof RestError) || problem.code === 'network') throw problem;
          refused += 1;
        }
      }
      await this.look();
      const args = { count: all.length - refused, refused };
      return { id: refused > 0 ? 'dead-some-sent-again' : 'dead-all-sent-again', args };
    });
  }

  private async look(): Promise<void> {
    this.letters = await this.rest.deadLetters();
  }
}

function placeOf({ callId, contactId, channel, address }: DeadLetter): string {
  return JSON.stringify([callId, contactId, channel, address]);
}
