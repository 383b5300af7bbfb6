/** The others' still pictures, fetched in the background while there is no video of them. */
import { SvelteMap } from 'svelte/reactivity';
import type { Clock } from '../signalling/clock';
import { Piecewise } from './piecewise';

export interface Shown {
  url: string;
  /** When it was taken, by this page's clock. */
  at: number;
}

/** A part of a picture. */
export interface Part {
  id: string;
  /** Of the whole picture. */
  of: number;
  /** Since it was taken. */
  ageMs: number;
  bytes: Uint8Array;
}

interface Taken {
  picture: Blob;
  at: number;
}

export interface StillsInEnvironment {
  clock: Clock;
  /** From there on so many bytes, of the newest or of the one with this id; nothing, if that is gone. Rejects after a break. */
  get(callId: string, contact: number, from: number, bytes: number, id: string | undefined): Promise<Part | undefined>;
  url(picture: Blob): string;
  forget(url: string): void;
}

export class StillsIn {
  readonly shown = new SvelteMap<number, Shown>();
  private callId: string | undefined;
  private readonly wanted = new Map<number, AbortController>();
  /** Of whom there is something newer than what was fetched or is being fetched. */
  private readonly news = new Set<number>();
  private readonly busy = new Set<number>();

  constructor(private readonly env: StillsInEnvironment) {}

  /** Whose pictures are wanted, in which call. */
  follow(callId: string | undefined, contacts: readonly number[]): void {
    if (callId !== this.callId) this.clear();
    this.callId = callId;
    for (const [contact, given] of this.wanted) {
      if (contacts.includes(contact)) continue;
      given.abort();
      this.wanted.delete(contact);
      this.drop(contact);
    }
    for (const contact of contacts) {
      if (this.wanted.has(contact)) continue;
      this.wanted.set(contact, new AbortController());
      // There may be one from before.
      this.heard(contact);
    }
  }

  /** There is a new one. */
  heard(contact: number): void {
    this.news.add(contact);
    const given = this.wanted.get(contact);
    if (given && !this.busy.has(contact)) void this.fetch(contact, given.signal);
  }

  private async fetch(contact: number, withdrawn: AbortSignal): Promise<void> {
    const { callId } = this;
    if (!callId) return;
    this.busy.add(contact);
    const pieces = new Piecewise(this.env.clock);
    while (!withdrawn.aborted && this.news.delete(contact)) {
      const taken = await this.one(pieces, callId, contact, withdrawn);
      if (taken && !withdrawn.aborted) this.show(contact, taken);
    }
    this.busy.delete(contact);
    // Wanted no more and wanted again meanwhile.
    const again = this.wanted.get(contact);
    if (again && this.news.has(contact)) void this.fetch(contact, again.signal);
  }

  private async one(
    pieces: Piecewise,
    callId: string,
    contact: number,
    withdrawn: AbortSignal,
  ): Promise<Taken | undefined> {
    let parts: Uint8Array<ArrayBuffer>[] = [];
    let id: string | undefined;
    let size = Number.POSITIVE_INFINITY;
    let at = 0;
    const piece = async (from: number, bytes: number) => {
      const part = await this.env.get(callId, contact, from, bytes, from > 0 ? id : undefined);
      if (!part) return undefined;
      if (from === 0) parts = [];
      id = part.id;
      size = part.of;
      at = this.env.clock.now() - part.ageMs;
      parts.push(part.bytes as Uint8Array<ArrayBuffer>);
      return from + part.bytes.length;
    };
    const whole = await pieces.all(piece, (at) => at >= size, withdrawn);
    return whole ? { picture: new Blob(parts, { type: 'image/jpeg' }), at } : undefined;
  }

  private show(contact: number, { picture, at }: Taken): void {
    this.drop(contact);
    this.shown.set(contact, { url: this.env.url(picture), at });
  }

  private drop(contact: number): void {
    const shown = this.shown.get(contact);
    if (shown) this.env.forget(shown.url);
    this.shown.delete(contact);
  }

  private clear(): void {
    for (const given of this.wanted.values()) given.abort();
    this.wanted.clear();
    this.news.clear();
    for (const contact of [...this.shown.keys()]) this.drop(contact);
  }
}
