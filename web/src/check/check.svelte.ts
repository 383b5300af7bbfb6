/** Runs all the tests of a network and its devices, one after the other, and keeps what they found. */
import type { Acquired, Want, Why } from '../call/devices';
import type { Path, PathResult, Report } from './report';

export type Step = 'camera' | 'microphone' | 'webSocket' | 'udp' | 'tcp' | 'tls' | 'down' | 'up';
export const STEPS: Step[] = ['camera', 'microphone', 'webSocket', 'udp', 'tcp', 'tls', 'down', 'up'];

const PATHS: Path[] = ['udp', 'tcp', 'tls'];

export interface CheckEnvironment {
  host: string;
  now(): number;
  acquire(want: Want): Promise<Acquired>;
  webSocket(): Promise<number>;
  /** Nothing, where there is no such path to try. */
  path(path: Path): Promise<PathResult | undefined>;
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

  /** Counts tests: one that was stopped switches nothing on any more. */
  private turn = 0;

  constructor(private readonly env: CheckEnvironment) {}

  async run(): Promise<void> {
    this.stop();
    const turn = this.turn;
    this.done = false;
    this.troubles = {};
    this.report = { at: new Date(this.env.now()).toISOString(), host: this.env.host };
    await this.devices(turn);
    if (turn !== this.turn) return;
    this.running = 'webSocket';
    const ms = await this.env.webSocket().catch(() => undefined);
    this.found({ webSocket: ms === undefined ? { outcome: 'failed' } : { outcome: 'ok', ms: Math.round(ms) } });
    for (const path of PATHS) {
      this.running = path;
      const result = await this.env.path(path);
      if (turn !== this.turn) return;
      this.found({ [path]: result });
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
    this.turn += 1;
    this.camera?.stop();
    this.microphone?.stop();
    this.camera = this.microphone = null;
  }

  /** Asked for both at once: one question of the browser instead of two. */
  private async devices(turn: number): Promise<void> {
    this.running = 'camera';
    const { audio, video, troubles } = await this.env.acquire({ audio: true, video: true });
    if (turn !== this.turn) {
      // The page was left while the browser asked.
      audio?.stop();
      video?.stop();
      return;
    }
    this.camera = video;
    this.microphone = audio;
    this.troubles = Object.fromEntries(troubles.map(({ device, why }) => [device, why]));
    this.found({ camera: video ? 'ok' : 'failed', microphone: audio ? 'ok' : 'failed' });
  }

  private found(more: Partial<Report>): void {
    if (this.report) this.report = { ...this.report, ...more };
  }
}
