/**
 * Somebody in front of a machine, who came by its public link: looks what can be asked for, and asks for help. What the request is named by
 * is kept in the tab until it is answered, so that asking once more makes no second one.
 */
import { codeOf, type Rest, RestError } from '../api/client';
import type { AskedForHelp, AskForHelp, RequestForm } from '../api/types';
import { uuid } from './device';
import { leadsNowhere } from './guest.svelte';

export interface MachineEnvironment {
  look(): Promise<RequestForm>;
  ask(request: AskForHelp): Promise<AskedForHelp>;
  storage: Pick<Storage, 'getItem' | 'setItem' | 'removeItem'>;
  newId(): string;
  /** The request waits: the personal link leads to it. */
  asked(link: string): void;
}

/** What somebody has written. */
export interface Written {
  displayName: string;
  text: string;
  reach: string;
  /** By the name of the field. */
  values: Record<string, string>;
}

const KEY = 'farhand.request';

/** A machine of the page itself. */
export function machineAt(token: string, rest: Rest, asked: MachineEnvironment['asked']): Machine {
  return new Machine(token, {
    look: () => rest.lookAtMachine(),
    ask: (request) => rest.askForHelp(request),
    storage: sessionStorage,
    newId: uuid,
    asked,
  });
}

export class Machine {
  /** `open`: may ask. `dead`: the link leads nowhere. */
  state = $state<'looking' | 'open' | 'asking' | 'asked' | 'dead'>('looking');
  form = $state.raw<RequestForm | undefined>();
  /** What the last question was refused with, and how many seconds to wait then. */
  failed = $state<string | undefined>();
  wait = $state<number | undefined>();
  /** The version of the terms that were accepted. */
  accepted = $state<string | undefined>();

  constructor(
    readonly token: string,
    private readonly env: MachineEnvironment,
  ) {}

  /** What has to be accepted first. */
  get terms(): RequestForm['terms'] {
    const { terms } = this.form ?? {};
    return terms && terms.version !== this.accepted ? terms : undefined;
  }

  /** Asks what the link leads to. Begins and uses up nothing. */
  async look(): Promise<void> {
    try {
      this.form = await this.env.look();
      this.failed = undefined;
      this.state = 'open';
    } catch (problem) {
      this.fail(problem);
    }
  }

  accept(): void {
    this.accepted = this.form?.terms?.version;
  }

  async ask({ displayName, text, reach, values }: Written): Promise<void> {
    if (this.state !== 'open') return;
    this.state = 'asking';
    const { accepted } = this;
    const open = (this.form?.fields ?? []).filter(({ value }) => !value);
    const fields = open.map(({ name }) => ({ name, value: values[name]?.trim() ?? '' })).filter(({ value }) => value);
    const said = { displayName, text, reach, fields, ...(accepted && { termsVersion: accepted }) };
    try {
      const { link } = await this.env.ask({ requestId: this.requestId(), ...said });
      this.forget();
      this.state = 'asked';
      this.env.asked(link);
    } catch (problem) {
      this.state = 'open';
      this.fail(problem);
      // Another one is to be made now.
      if (this.failed === 'call_ended' || this.failed === 'guest_link_revoked') this.forget();
      // They are others by now.
      if (this.failed === 'terms_required') await this.look();
    }
  }

  private requestId(): string {
    const kept = this.env.storage.getItem(KEY);
    const [token, id] = kept?.split(' ') ?? [];
    if (token === this.token && id) return id;
    const fresh = this.env.newId();
    this.env.storage.setItem(KEY, `${this.token} ${fresh}`);
    return fresh;
  }

  private forget(): void {
    this.env.storage.removeItem(KEY);
  }

  private fail(problem: unknown): void {
    this.failed = codeOf(problem);
    this.wait = problem instanceof RestError ? problem.retryAfter : undefined;
    // An earlier request that has ended says nothing of the link.
    const ofLink = this.failed !== 'call_ended' && this.failed !== 'guest_link_revoked';
    if (ofLink && leadsNowhere(this.failed)) this.state = 'dead';
  }
}
