/** The ring tone, made of sines: two soft strikes, a pause. Needs no asset. */
const PERIOD_S = 2.4;
const STRIKES = [
  { at: 0, hertz: 659.26 },
  { at: 0.22, hertz: 880 },
  { at: 0.44, hertz: 659.26 },
];

export class Ringtone {
  private context: AudioContext | undefined;
  private timer: ReturnType<typeof setInterval> | undefined;

  /** Browsers let a page sound only after a click in it: signing in is one. */
  unlock(): void {
    if (!navigator.userActivation?.hasBeenActive) return;
    this.context ??= new AudioContext();
    if (this.context.state === 'suspended') void this.context.resume().catch(() => undefined);
  }

  start(quiet: boolean): void {
    if (this.timer !== undefined) return;
    this.unlock();
    const strike = () => this.strike(quiet ? 0.05 : 0.22);
    strike();
    this.timer = setInterval(strike, PERIOD_S * 1000);
    this.vibrate([300, 200, 300]);
  }

  stop(): void {
    clearInterval(this.timer);
    this.timer = undefined;
    this.vibrate(0);
  }

  private vibrate(pattern: VibratePattern): void {
    if (navigator.userActivation?.hasBeenActive) navigator.vibrate?.(pattern);
  }

  private strike(loudness: number): void {
    const context = this.context;
    if (context?.state !== 'running') return;
    for (const { at, hertz } of STRIKES) {
      const start = context.currentTime + at;
      const gain = context.createGain();
      gain.gain.setValueAtTime(0, start);
      gain.gain.linearRampToValueAtTime(loudness, start + 0.02);
      gain.gain.exponentialRampToValueAtTime(0.001, start + 0.7);
      gain.connect(context.destination);
      const tone = context.createOscillator();
      tone.frequency.value = hertz;
      tone.connect(gain);
      tone.start(start);
      tone.stop(start + 0.75);
    }
  }
}
