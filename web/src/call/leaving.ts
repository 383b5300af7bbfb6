/** Calls that were hung up here, until the server agrees: it may be out of reach, and hold the seat meanwhile. */
import type { CallView } from '../api/types';
import { codeOf } from '../signalling/requests';
import type { Signalling } from './stage';

export class Leaving {
  /** `unheard` where the server could not be told. */
  private readonly calls = new Map<string, 'asked' | 'unheard'>();

  constructor(private readonly signalling: Signalling) {}

  has(callId: string): boolean {
    return this.calls.has(callId);
  }

  async leave(callId: string): Promise<void> {
    this.calls.set(callId, 'asked');
    try {
      await this.signalling.request({ type: 'leave', callId });
      this.calls.delete(callId);
    } catch (error) {
      const code = codeOf(error);
      if (code === 'timeout' || code === 'connection_lost') this.calls.set(callId, 'unheard');
      else this.calls.delete(callId);
    }
  }

  /** The server tells of a call that is being left. It held the seat, and hears of it now. */
  see({ callId, seat }: CallView): void {
    if (seat === 'none') this.calls.delete(callId);
    else if (this.calls.get(callId) === 'unheard') void this.leave(callId);
  }

  /** The call has ended, or is joined again. */
  forget(callId: string): void {
    this.calls.delete(callId);
  }

  forgetAll(): void {
    this.calls.clear();
  }
}
