import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Ringtone } from '../src/call/ringtone';
import { settle } from './fakes';

class FakeNode {
  to: unknown;
  started: number[] = [];
  frequency = { value: 0 };
  faded: number | undefined;
  gain = {
    setValueAtTime: () => undefined,
    linearRampToValueAtTime: () => undefined,
    exponentialRampToValueAtTime: () => undefined,
    setTargetAtTime: (value: number) => {
      this.faded = value;
    },
  };
  connect(to: unknown): void {
    this.to = to;
  }
  start(at: number): void {
    this.started.push(at);
  }
  stop(): void {}
}

/** As browsers have it: it starts suspended, and `resume` waits for a click. */
class FakeContext {
  state = 'suspended';
  currentTime = 5;
  destination = new FakeNode();
  gains: FakeNode[] = [];
  tones: FakeNode[] = [];
  private wakers: (() => void)[] = [];

  resume = () => new Promise<void>((resolve) => this.wakers.push(resolve));
  createGain = () => this.made(this.gains);
  createOscillator = () => this.made(this.tones);

  async clicked(): Promise<void> {
    this.state = 'running';
    for (const wake of this.wakers.splice(0)) wake();
    await settle();
  }

  /** Tones that can be heard: everything between them and the loudspeaker lets them through. */
  get heard(): number {
    const passes = (node: FakeNode): boolean =>
      node === this.destination || (node.faded !== 0 && passes(node.to as FakeNode));
    return this.tones.filter((tone) => tone.started.length > 0 && passes(tone)).length;
  }

  private made(list: FakeNode[]): FakeNode {
    list.push(new FakeNode());
    return list.at(-1) as FakeNode;
  }
}

let context: FakeContext;
let contexts: number;
let touched: boolean;
let shaken: VibratePattern[];
let ringtone: Ringtone;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
  context = new FakeContext();
  contexts = 0;
  touched = true;
  shaken = [];
  ringtone = new Ringtone({
    touched: () => touched,
    context: () => {
      contexts += 1;
      return context as unknown as AudioContext;
    },
    vibrate: (pattern) => void shaken.push(pattern),
  });
});
afterEach(() => vi.useRealTimers());

describe('the ring tone', () => {
  it('sounds at once and again and again', async () => {
    context.state = 'running';
    ringtone.start(false);
    await settle();
    expect(context.heard).toBe(3);
    await vi.advanceTimersByTimeAsync(2_400);
    expect(context.heard).toBe(6);
    expect(shaken).toHaveLength(2);
    expect(contexts).toBe(1);
  });

  it('falls silent at once when it stops, also what was struck already', async () => {
    context.state = 'running';
    ringtone.start(false);
    await settle();
    ringtone.stop();
    expect(context.heard).toBe(0);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(context.heard).toBe(0);
    expect(shaken.at(-1)).toBe(0);
  });

  it('sounds again for the next ring', async () => {
    context.state = 'running';
    ringtone.start(false);
    await settle();
    ringtone.stop();
    ringtone.start(true);
    await settle();
    expect(context.heard).toBe(3);
  });

  it('sounds as soon as the browser lets it, once', async () => {
    ringtone.start(false);
    await vi.advanceTimersByTimeAsync(10_000);
    expect(context.tones).toHaveLength(0);
    await context.clicked();
    expect(context.heard).toBe(3);
  });

  it('that has stopped meanwhile does not sound any more', async () => {
    ringtone.start(false);
    ringtone.stop();
    await context.clicked();
    expect(context.heard).toBe(0);
  });

  it('in a page nobody has clicked in asks for nothing', () => {
    touched = false;
    ringtone.start(false);
    ringtone.stop();
    expect([contexts, shaken]).toEqual([0, []]);
  });

  it('says once that somebody is at the door, and leaves a ring as it is', async () => {
    ringtone.unlock();
    await context.clicked();
    void ringtone.knock(false);
    await settle();
    expect(context.heard).toBe(2);
    await vi.advanceTimersByTimeAsync(10_000);
    expect(context.heard).toBe(2);
    ringtone.stop();
    expect(shaken, 'a ring is felt, a knock is not').toEqual([]);
  });
});
