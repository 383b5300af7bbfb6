/** The ring tone, made of sines: three soft strikes, a pause. Needs no asset. */
const PERIOD_S = 2.4;
const STRIKES = [
  { at: 0, hertz: 659.26 },
  { at: 0.22, hertz: 880 },
  { at: 0.44, hertz: 659.26 },
];
const KNOCKS = [
  { at: 0, hertz: 392 },
  { at: 0.18, hertz: 392 },
];
const LOUD = 0.22;
const QUIET = 0.05;
/** How fast it falls silent: too fast to be heard as ringing, too slow to be heard as a click. */
const FADE_S = 0.01;

export interface RingtoneEnvironment {
  /** Whether somebody has clicked in this page: browsers let none sound before. */
  touched(): boolean;
  context(): AudioContext;
  vibrate(pattern: VibratePattern): void;
}

export class Ringtone {
  private context: AudioContext | undefined;
  /** What the strikes of this ring go through, while it rings. */
  private out: GainNode | undefined;
  private timer: ReturnType<typeof setInterval> | undefined;
  private waking = false;

  constructor(private readonly env: RingtoneEnvironment) {}

  /** Somebody has clicked. */
  unlock(): void {
    if (!this.env.touched()) return;
    this.context ??= this.env.context();
    if (this.context.state === 'suspended') void this.context.resume().catch(() => undefined);
  }

  start(quiet: boolean): void {
    if (this.timer !== undefined) return;
    this.unlock();
    const strike = () => void this.strike(quiet ? QUIET : LOUD);
    this.timer = setInterval(strike, PERIOD_S * 1000);
    strike();
  }

  /** Somebody is at the door: once, and not to be taken for a ring. */
  async knock(quiet: boolean): Promise<void> {
    this.unlock();
    const { context } = this;
    if (!context || !(await this.woken(context))) return;
    for (const { at, hertz } of KNOCKS) {
      sound(context, context.destination, hertz, context.currentTime + at, quiet ? QUIET : LOUD);
    }
  }

  stop(): void {
    if (this.timer === undefined) return;
    clearInterval(this.timer);
    this.timer = undefined;
    // What has been struck would sound on for a second, into the first words of the call.
    const { out, context } = this;
    if (out && context) out.gain.setTargetAtTime(0, context.currentTime, FADE_S);
    this.out = undefined;
    if (this.env.touched()) this.env.vibrate(0);
  }

  private async strike(loudness: number): Promise<void> {
    if (this.env.touched()) this.env.vibrate([300, 200, 300]);
    const ring = this.timer;
    const { context } = this;
    if (!context || !(await this.woken(context)) || ring !== this.timer) return;
    this.out ??= connected(context.createGain(), context.destination);
    for (const { at, hertz } of STRIKES) sound(context, this.out, hertz, context.currentTime + at, loudness);
  }

  /** Whether it runs now. That may take until somebody clicks, and strikes must not pile up until then. */
  private async woken(context: AudioContext): Promise<boolean> {
    if (context.state === 'running') return true;
    if (this.waking) return false;
    this.waking = true;
    await context.resume().catch(() => undefined);
    this.waking = false;
    // Not what the compiler still believes it to be.
    return (context.state as AudioContextState) === 'running';
  }
}

function sound(context: AudioContext, out: AudioNode, hertz: number, start: number, loudness: number): void {
  const gain = connected(context.createGain(), out);
  gain.gain.setValueAtTime(0, start);
  gain.gain.linearRampToValueAtTime(loudness, start + 0.02);
  gain.gain.exponentialRampToValueAtTime(0.001, start + 0.7);
  const tone = connected(context.createOscillator(), gain);
  tone.frequency.value = hertz;
  tone.start(start);
  tone.stop(start + 0.75);
}

function connected<N extends AudioNode>(node: N, to: AudioNode): N {
  node.connect(to);
  return node;
}
