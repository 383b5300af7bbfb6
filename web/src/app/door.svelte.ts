/**
 * Somebody in front of a call whom nobody has invited: asks to be let in and goes on asking until somebody inside has decided. What is
 * asked with is kept in the tab, so that a page that was loaded again is the same person.
 */
import { codeOf, type Rest } from '../api/client';
import type { Knocked, KnockRequest, OpenCall } from '../api/types';
import type { Clock } from '../signalling/clock';
import { uuid } from './device';
import { leadsNowhere } from './guest.svelte';

export interface DoorEnvironment {
  look(): Promise<OpenCall>;
  knock(request: KnockRequest): Promise<Knocked>;
  leave(knockId: string): Promise<unknown>;
  clock: Pick<Clock, 'setTimeout'>;
  storage: Pick<Storage, 'getItem' | 'setItem' | 'removeItem'>;
  newId(): string;
  /** Somebody has opened: the personal link leads in. */
  admitted(link: string, camera: boolean): void;
}

/** What was said at the door. */
interface Said {
  token: string;
  knockId: string;
  displayName: string;
  termsVersion?: string;
  camera: boolean;
}

const KEY = 'farhand.knock';
/** How long the server may wait with its answer. */
const WAIT_SECONDS = 10;
/** After a question that got no answer. */
const AGAIN_MS = 2_000;
/** Says nothing about the door: asked again, it may be answered. */
const PASSING = new Set(['network', 'internal', 'storage_unavailable', 'overloaded', 'shutting_down']);

/** A door of the page itself. */
export function doorAt(token: string, rest: Rest, clock: Clock, admitted: DoorEnvironment['admitted']): Door {
  return new Door(token, {
    look: () => rest.lookAtCall(),
    knock: (request) => rest.knock(request),
    leave: (knockId) => rest.leaveLobby(knockId),
    clock,
    storage: sessionStorage,
    newId: uuid,
    admitted,
  });
}

export class Door {
  /** `open`: may knock. `dead`: the link leads nowhere. */
  state = $state<'looking' | 'open' | 'waiting' | 'refused' | 'admitted' | 'dead'>('looking');
  call = $state.raw<OpenCall | undefined>();
  /** What the last question was refused with. */
  failed = $state<string | undefined>();
  /** Whether somebody is there who could open. */
  hosted = $state(true);
  /** The version of the terms that were accepted. */
  accepted = $state<string | undefined>();
  private said: Said | undefined;
  /** Raised by whatever ends the asking: answers to earlier questions are void. */
  private round = 0;

  constructor(
    readonly token: string,
    private readonly env: DoorEnvironment,
  ) {}

  /** What stands between the visitor and the door. */
  get terms(): OpenCall['terms'] {
    const { terms } = this.call ?? {};
    return terms && terms.version !== this.accepted ? terms : undefined;
  }

  /** Asks what the link leads to, and goes on waiting where the page was loaded again in the midst of it. */
  async look(): Promise<void> {
    try {
      this.call = await this.env.look();
      this.failed = undefined;
      this.state = 'open';
      const said = this.remembered();
      if (said) await this.ask(said);
    } catch (problem) {
      this.fail(codeOf(problem));
    }
  }

  accept(): void {
    this.accepted = this.call?.terms?.version;
  }

  /** Asks to be let in; `camera`: how to come in then. */
  knock(displayName: string, camera: boolean): Promise<void> {
    const { token, accepted } = this;
    const knockId = this.said?.knockId ?? this.env.newId();
    return this.ask({ token, knockId, displayName, camera, ...(accepted && { termsVersion: accepted }) });
  }

  /** Waits no longer. */
  async goAway(): Promise<void> {
    const { said } = this;
    this.stop('open');
    // Whoever does not ask again is gone in half a minute anyway.
    if (said) await this.env.leave(said.knockId).catch(() => undefined);
  }

  private async ask(said: Said): Promise<void> {
    const round = ++this.round;
    this.said = said;
    this.accepted = said.termsVersion;
    this.env.storage.setItem(KEY, JSON.stringify(said));
    const { token: _, camera, ...knock } = said;
    // What the server says otherwise, it says at once: also after a break, for then nothing is known.
    let hosted: boolean | undefined;
    while (round === this.round) {
      try {
        const answer = await this.env.knock({
          ...knock,
          waitSeconds: WAIT_SECONDS,
          ...(hosted !== undefined && { hosted }),
        });
        if (round !== this.round) return;
        this.failed = undefined;
        hosted = this.hosted = answer.hosted;
        if (answer.state === 'waiting') this.state = 'waiting';
        else this.decided(answer, camera);
      } catch (problem) {
        hosted = undefined;
        if (round === this.round) await this.notHeard(codeOf(problem));
      }
    }
  }

  private decided(answer: Knocked, camera: boolean): void {
    if (answer.state === 'admitted' && answer.link) {
      this.stop('admitted');
      this.env.admitted(answer.link, camera);
    } else {
      this.stop('refused');
    }
  }

  private async notHeard(code: string): Promise<void> {
    if (PASSING.has(code)) {
      this.failed = code;
      await new Promise<void>((resolve) => void this.env.clock.setTimeout(() => resolve(), AGAIN_MS));
    } else if (code === 'terms_required') {
      // They are others by now.
      this.stop('open');
      await this.look();
    } else {
      this.stop('open');
      this.fail(code);
    }
  }

  private fail(code: string): void {
    this.failed = code;
    if (!leadsNowhere(code)) return;
    this.stop('dead');
  }

  private stop(state: Door['state']): void {
    this.round += 1;
    this.state = state;
    this.env.storage.removeItem(KEY);
  }

  private remembered(): Said | undefined {
    const text = this.env.storage.getItem(KEY);
    const said = text ? (JSON.parse(text) as Said) : undefined;
    return said?.token === this.token ? said : undefined;
  }
}
