/** Runs all the tests of a network and its devices, one after the other, and keeps what they found. */
import type { Acquired, Want, Why } from '../call/devices';
import type { PathResult, Report } from './report';

export type Step = 'camera' | 'microphone' | 'webSocket' | 'udp' | 'tcp' | 'down' | 'up';
export const STEPS: Step[] = ['camera', 'microphone', 'webSocket', 'udp', 'tcp', 'down', 'up'];

export interface CheckEnvironment {
  host: string;
  now(): number;
  acquire(want: Want): Promise<Acquired>;
  webSocket(): Promise<number>;
  path(path: 'udp' | 'tcp'): Promise<PathResult>;
  download(): Promise<number>;
  upload(): Promise<number>;
}

export class Check {
  running = $state<Step | undefined>();
  report = $state.raw<Report | undefined>();
  /** All tests are through. */
  done = $state(false);
  camera = $state.raw<MediaStreamTrack | null>(null);
  microphone = $state.raw<MediaStreamTrack | null>(null);
  /** What is wrong with a device. */
  troubles = $state.raw<{ camera?: Why; microphone?: Why }>({});

  constructor(private readonly env: CheckEnvironment) {}

  async run(): Promise<void> {
    this.stop();
    this.done = false;
    this.troubles = {};
    this.report = { at: new Date(this.env.now()).toISOString(), host: this.env.host };
    await this.devices();
    this.running = 'webSocket';
    const ms = await this.env.webSocket().catch(() => undefined);
    this.found({ webSocket: ms === undefined ? { outcome: 'failed' } : { outcome: 'ok', ms: Math.round(ms) } });
    for (const path of ['udp', 'tcp'] as const) {
      this.running = path;
      this.found({ [path]: await this.env.path(path) });
    }
    this.running = 'down';
    this.found({ down: await this.env.download().catch(() => 0) });
    this.running = 'up';
    this.found({ up: await this.env.upload().catch(() => 0) });
    this.running = undefined;
    this.done = true;
  }

  /** Switches the devices off. */
  stop(): void {
    this.camera?.stop();
    this.microphone?.stop();
    this.camera = this.microphone = null;
  }

  /** Asked for both at once: one question of the browser instead of two. */
  private async devices(): Promise<void> {
    this.running = 'camera';
    const { audio, video, troubles } = await this.env.acquire({ audio: true, video: true });
    this.camera = video;
    this.microphone = audio;
    this.troubles = Object.fromEntries(troubles.map(({ device, why }) => [device, why]));
    this.found({ camera: video ? 'ok' : 'failed', microphone: audio ? 'ok' : 'failed' });
  }

  private found(more: Partial<Report>): void {
    if (this.report) this.report = { ...this.report, ...more };
  }
}
