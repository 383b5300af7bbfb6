/** How much of a picture this page sends: down a ladder as its link worsens, and up again by itself. No DOM. */
import type { MediaReport, SendLimit, Shortage } from '../api/types';
import { Trial } from './trial';
import type { Way } from './way';

export type Rung = 'full' | Shortage['rung'];

/** What is known of the own link. */
export interface Facts {
  /** Milliseconds. */
  at: number;
  /** What the browser believes it can send, in kbit/s. */
  kbit?: number | undefined;
  /** The encoder had to do with less than it wanted. */
  short: boolean;
  /** The browser believes in more than it gives the picture: after a shock it takes some seconds until it does. */
  unsure?: boolean;
  /** Of the camera's sizes the largest does not go out. */
  small?: boolean;
  way?: Way;
}

/** What goes out. */
export interface Sending {
  rung: Rung;
  /** For all pictures together, where a budget says so. */
  kbit?: number | undefined;
}

export const FULL: Sending = { rung: 'full' };

const ORDER: Rung[] = ['full', 'smaller', 'slow', 'stills', 'audio'];
/** What each takes, in kbit/s, sound included. */
const NEEDS: Record<Rung, number> = { full: 450, smaller: 220, slow: 110, stills: 60, audio: 0 };
/** Sound, and what surrounds it. */
export const SOUND_KBIT = 50;
/** A step up must fit with so much to spare. */
const SPARE = 1.3;
/** So often in a row it must look alike: one look tells little. */
const DOWN_LOOKS = 2;
const UNSURE_LOOKS = 4;
const UP_LOOKS = 3;
/** Which sizes fit the browser finds out by itself, for which it takes some seconds at the beginning of each call. */
const SIZE_LOOKS = 4;
/** Video that is tried again: the browser has to find out first what the link carries now. */
const TRIAL_MS = 12_000;
const TRIAL_LOOKS = 5;
/** Without video nothing shows what the link carries, so it is tried: after so long, and each time it was in vain after twice that. */
const TRY_MS = 15_000;
const MOST_TRY_MS = 120_000;
/** Video that has gone on for so long was not tried in vain. */
const PROVED_MS = 20_000;

export class Ladder {
  /** Through the server, which is sent the picture in several sizes: those that do not fit are left out by the browser itself. */
  layered = false;
  private rung: Rung = 'full';
  private limit: SendLimit | undefined;
  private towards: { rung: Rung; looks: number } = { rung: 'full', looks: 0 };
  /** When video was given up last, and when it was tried again. */
  private givenUp = 0;
  private triedAt = Number.NEGATIVE_INFINITY;
  private patience = TRY_MS;
  /** Straight to the other end. */
  private readonly trial = new Trial();

  /** What is to be sent now. */
  get sending(): Sending {
    const kbit = this.limit?.kbitPerSecond ?? undefined;
    const tried = this.trial.on && !this.layered ? 'full' : this.rung;
    return {
      rung: worse(tried, this.allowed),
      kbit: kbit === undefined ? undefined : Math.max(kbit - SOUND_KBIT, 0),
    };
  }

  /** What the others are told of: what is only tried may be gone in a moment. */
  get rungTold(): Rung {
    return worse(this.rung, this.allowed);
  }

  /** The same in words; nothing, if it is all there could be. */
  get shortage(): Shortage | undefined {
    const rung = this.rungTold;
    if (rung === 'full') return undefined;
    const budget = ORDER.indexOf(this.allowed) >= ORDER.indexOf(this.rung);
    return { rung, reason: budget ? 'budget' : 'link' };
  }

  /** A data budget holds from now on, or none any more. */
  keepTo(limit: SendLimit | undefined): void {
    this.limit = limit;
  }

  look(facts: Facts): void {
    if (this.layered && this.trial.on) this.trial.end(facts.at, false);
    if (!this.layered && this.tries(facts)) return;
    const aim = this.aim(facts);
    // Of a link that carries no video one look says more than the next: reports of what got lost come late over it.
    const to = hidden(aim) && hidden(this.towards.rung) ? better(aim, this.towards.rung) : aim;
    if (to === this.rung) {
      this.towards = { rung: to, looks: 0 };
      return;
    }
    const alike = this.towards.rung === to || (hidden(this.towards.rung) && hidden(to));
    const looks = alike ? this.towards.looks + 1 : 1;
    this.towards = { rung: to, looks };
    if (looks >= this.looksNeeded(facts, to) || hidden(this.rung)) this.step(facts.at, to);
  }

  private looksNeeded({ at, unsure }: Facts, to: Rung): number {
    if (this.layered && !hidden(to)) return SIZE_LOOKS;
    if (worse(to, this.rung) !== to) return UP_LOOKS;
    if (at - this.triedAt < TRIAL_MS) return TRIAL_LOOKS;
    return unsure ? UNSURE_LOOKS : DOWN_LOOKS;
  }

  /** True while nothing else is to be decided: more is tried than what was found to fit, or there is no video. */
  private tries(facts: Facts): boolean {
    const { at, way, short } = facts;
    if (this.trial.on) {
      const outcome = this.trial.outcome(at, way, short);
      if (outcome !== undefined) this.tried(facts, outcome);
      return true;
    }
    const due = worse(this.rung, this.allowed) !== this.allowed && this.trial.due(at, way);
    if (due) {
      // There is room for a little more than sound at least.
      if (this.rung === 'audio') this.rung = 'stills';
      this.trial.begin(at);
      return true;
    }
    if (this.rung === 'stills' && this.trial.stuck) this.rung = 'audio';
    return hidden(this.rung);
  }

  private tried(facts: Facts, outcome: boolean): void {
    const to = outcome ? fitting(facts, 'full') : this.rung;
    const found = ORDER.indexOf(to) < ORDER.indexOf(this.rung);
    this.trial.end(facts.at, found);
    if (found) this.step(facts.at, to);
  }

  private step(at: number, to: Rung): void {
    if (worse(to, this.rung) === to) this.trial.down(at);
    if (hidden(to) && !hidden(this.rung)) {
      this.patience = at - this.triedAt < PROVED_MS ? Math.min(this.patience * 2, MOST_TRY_MS) : TRY_MS;
      this.givenUp = at;
    } else if (this.layered && !hidden(to) && hidden(this.rung)) {
      this.triedAt = at;
    }
    this.rung = to;
    this.towards = { rung: to, looks: 0 };
  }

  private aim({ at, kbit, short, small = false }: Facts): Rung {
    const { layered } = this;
    if (hidden(this.rung)) {
      // The browser's guess is an old one: nothing has been sent that could have shown more.
      return at - this.givenUp >= this.patience ? 'full' : this.rung;
    }
    if (kbit === undefined) return this.rung;
    if (layered) {
      if (short && kbit < NEEDS.slow) return kbit < NEEDS.stills ? 'audio' : 'stills';
      return short && small ? 'smaller' : 'full';
    }
    const fits = fitting({ short, kbit }, this.rung);
    if (fits !== this.rung) return fits;
    const above = ORDER[ORDER.indexOf(this.rung) - 1];
    return above && kbit >= NEEDS[above] * SPARE ? above : this.rung;
  }

  private get allowed(): Rung {
    if (!this.limit) return 'full';
    if (!this.limit.pictures) return 'audio';
    const kbit = this.limit.kbitPerSecond ?? Number.POSITIVE_INFINITY;
    const allowed = ORDER.find((rung) => NEEDS[rung] <= kbit) ?? 'audio';
    // Frames are left out by the server, for whom it takes that.
    return this.layered && allowed === 'slow' ? 'smaller' : allowed;
  }
}

/** No video. */
export function hidden(rung: Rung): boolean {
  return rung === 'stills' || rung === 'audio';
}

/** What there is room for, no better than this. A picture of which little moves takes little, and the browser then believes in little. */
function fitting({ short, kbit }: Pick<Facts, 'short' | 'kbit'>, most: Rung): Rung {
  if (!short || kbit === undefined || kbit >= NEEDS[most]) return most;
  return ORDER.find((rung) => NEEDS[rung] <= kbit) ?? 'audio';
}

function better(one: Rung, other: Rung): Rung {
  return worse(one, other) === one ? other : one;
}

function worse(one: Rung, other: Rung): Rung {
  return ORDER.indexOf(one) >= ORDER.indexOf(other) ? one : other;
}

/** What the browser believes it can send, as its statistics have it. */
export function outgoingKbit(stats: RTCStatsReport): number | undefined {
  const all = [...stats.values()] as Record<string, unknown>[];
  const selected = all.find(({ type }) => type === 'transport')?.selectedCandidatePairId;
  const pair = all.find(({ id, type }) => type === 'candidate-pair' && id === selected);
  const bits = pair?.availableOutgoingBitrate;
  return typeof bits === 'number' ? bits / 1000 : undefined;
}

/** The least a browser sends of a picture, in bit/s, whatever the link carries. With next to nothing it leaves the picture out altogether. */
const LEAST = 40_000;
/** Losses from which on no more than what arrives can be sent, in percent. */
const LOSSY = 10;

/** The browser sends the least it can of a picture, or nothing: it does not say then that it would send more. */
export function starved(stats: RTCStatsReport): boolean {
  const lines = ([...stats.values()] as Record<string, unknown>[]).filter(
    ({ type, kind, active, mediaSourceId }) =>
      type === 'outbound-rtp' && kind === 'video' && active === true && mediaSourceId !== undefined,
  );
  const bits = lines.reduce((sum, { targetBitrate }) => sum + (Number(targetBitrate) || 0), 0);
  return lines.length > 0 && bits <= LEAST;
}

/**
 * How the own link looks. The browser believes in no less than the least of all it sends together, though the link may carry half of that:
 * where a picture gets no more than the least there is none for it, and of what is sent that counts which arrives.
 */
export function factsOf(at: number, stats: RTCStatsReport, report: MediaReport): Omit<Facts, 'small'> {
  const { limitedBy, lossOutPercent, kbitPerSecondOut } = report;
  const believed = outgoingKbit(stats);
  if (limitedBy === 'cpu' || believed === undefined || !starved(stats)) {
    return { at, kbit: believed, short: limitedBy === 'bandwidth' };
  }
  const lost = lossOutPercent ?? 0;
  const arrives = lost >= LOSSY ? (kbitPerSecondOut ?? believed) * (1 - lost / 100) : believed;
  const kbit = Math.min(believed, arrives);
  return { at, kbit: Math.min(kbit, NEEDS.slow - 1), short: true, unsure: kbit >= NEEDS.slow };
}
