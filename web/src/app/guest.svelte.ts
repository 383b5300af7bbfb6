/**
 * Somebody without an account, who came by a personal link. The link's secret stands behind the `#` of the page's address, so that
 * a reload finds it again and no server on the way ever sees it.
 */
import { codeOf } from '../api/client';
import type { GuestInvitation } from '../api/types';
import type { Authorised } from '../signalling/client';

export interface GuestEnvironment {
  look(): Promise<GuestInvitation>;
  accept(version: string): Promise<GuestInvitation>;
}

/** Where a link stands: these are for good, whatever is tried. */
const DEAD = new Set([
  'guest_link_unknown',
  'guest_link_expired',
  'guest_link_revoked',
  'request_link_unknown',
  'guests_not_allowed',
  'anonymous_not_allowed',
  'call_ended',
  'unauthenticated',
]);

/** Whether a link is good for nothing any more. */
export function leadsNowhere(code: string): boolean {
  return DEAD.has(code);
}

export class GuestPass {
  /** `looking` until the server has said what the link leads to. */
  state = $state<'looking' | 'invited' | 'dead'>('looking');
  invitation = $state.raw<GuestInvitation | undefined>();
  /** What the last look was refused with. */
  failed = $state<string | undefined>();

  constructor(
    readonly token: string,
    private readonly env: GuestEnvironment,
  ) {}

  /** Nothing has to be accepted before the guest may come in. */
  get mayEnter(): boolean {
    return this.state === 'invited' && !this.invitation?.terms;
  }

  /** Asks what the link leads to. Begins and uses up nothing. */
  look(): Promise<Authorised> {
    return this.heard(this.env.look());
  }

  /** Accepts the terms that were shown. */
  async accept(): Promise<Authorised> {
    const version = this.invitation?.terms?.version;
    if (version === undefined) return 'ok';
    const accepted = await this.heard(this.env.accept(version));
    // The text is another by now.
    return this.failed === 'terms_required' ? this.look() : accepted;
  }

  /** For the connection: `force` after the server has refused it. */
  ensure(force: boolean): Promise<Authorised> {
    return this.mayEnter && !force ? Promise.resolve('ok') : this.look();
  }

  private async heard(answer: Promise<GuestInvitation>): Promise<Authorised> {
    try {
      this.invitation = await answer;
      this.state = 'invited';
      this.failed = undefined;
      return this.mayEnter ? 'ok' : 'signedOut';
    } catch (problem) {
      this.failed = codeOf(problem);
      if (!leadsNowhere(this.failed)) return 'retry';
      this.state = 'dead';
      return 'signedOut';
    }
  }
}
