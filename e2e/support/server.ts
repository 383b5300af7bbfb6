import { type ChildProcess, spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const checkout = fileURLToPath(new URL('../..', import.meta.url));

const binary = process.env.E2E_BINARY ?? join(checkout, 'target/debug/farhand');

/** With this the kernel ends the server when the process that started it dies, however it dies. */
const leash = existsSync('/usr/bin/setpriv') ? ['/usr/bin/setpriv', '--pdeathsig', 'KILL'] : [];

export interface Settings {
  /** How long an invitee's pop-up rings. */
  ringSeconds?: number;
  /** How long the creator of a brokered call is rung. */
  creatorRingSeconds?: number;
  /** How long a lost connection keeps its seat. */
  seatSeconds?: number;
  /** HTTPS, with a certificate of its own making. */
  tls?: boolean;
  /** Addresses that users set may lead to this machine. */
  allowInside?: boolean;
  /** What takes text messages. */
  smsUrl?: string;
}

/** The real binary with its demo accounts, on a port and a data directory of its own. */
export class Server {
  private child: ChildProcess | undefined;
  private output = '';

  private constructor(
    readonly port: number,
    private readonly data: string,
    private readonly settings: Settings,
  ) {}

  static async start(settings: Settings): Promise<Server> {
    if (!existsSync(binary)) {
      throw new Error(`There is no server at ${binary}. Build it: cargo build --package farhand`);
    }
    const server = new Server(await freePort(), await mkdtemp(join(tmpdir(), 'farhand-story-')), settings);
    await server.run();
    return server;
  }

  get url(): string {
    return `${this.settings.tls ? 'https' : 'http'}://127.0.0.1:${this.port}`;
  }

  /** What the server printed, for a story that failed. */
  get log(): string {
    return this.output;
  }

  /** Starts on the same port and data as before. */
  async run(): Promise<void> {
    const [program = binary, ...args] = [
      ...leash,
      binary,
      'demo',
      '--listen',
      `127.0.0.1:${this.port}`,
      '--data',
      this.data,
    ];
    const child = spawn(program, args, { env: this.environment(), stdio: ['ignore', 'pipe', 'pipe'] });
    this.child = child;
    child.stdout?.on('data', (chunk) => (this.output += chunk));
    child.stderr?.on('data', (chunk) => (this.output += chunk));
    const ended = once(child, 'exit').then(([code]) => {
      throw new Error(`The server ended with ${code} before it was ready:\n${this.output}`);
    });
    await Promise.race([this.answering(), ended]);
  }

  /** Ends the process and waits until it is gone. */
  async stop(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    const child = this.child;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, 'exit');
    child.kill(signal);
    await gone;
  }

  async dispose(): Promise<void> {
    await this.stop('SIGKILL');
    await rm(this.data, { recursive: true, force: true });
  }

  private async answering(): Promise<void> {
    while (this.child?.exitCode === null) {
      // Where there is HTTPS, plain HTTP is told so.
      const answer = await fetch(`http://127.0.0.1:${this.port}/readyz`, { redirect: 'manual' }).catch(() => undefined);
      if (answer?.status === (this.settings.tls ? 308 : 200)) return;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  private environment(): NodeJS.ProcessEnv {
    const { ringSeconds, creatorRingSeconds, seatSeconds, tls, allowInside, smsUrl } = this.settings;
    const chosen = {
      FARHAND_CALLS__POPUP_RING_SECONDS: ringSeconds,
      FARHAND_CALLS__CREATOR_RING_SECONDS: creatorRingSeconds,
      FARHAND_CALLS__SEAT_SECONDS: seatSeconds,
      FARHAND_TLS__SELF_SIGNED: tls,
      FARHAND_OUTWARD__ALLOW: allowInside ? '127.0.0.1' : undefined,
      FARHAND_SMS_URL: smsUrl,
    };
    const set = Object.entries(chosen).filter(([, value]) => value !== undefined);
    return { ...process.env, ...Object.fromEntries(set.map(([name, value]) => [name, String(value)])) };
  }
}

/** Below what the system gives to whoever asks for any port: nothing else takes it before the server does, or while that is away. */
const PORTS = { first: 20_000, count: 12_000 };

async function freePort(): Promise<number> {
  const port = PORTS.first + randomInt(PORTS.count);
  const listener = createServer().listen(port, '127.0.0.1');
  const isFree = await once(listener, 'listening').then(
    () => true,
    () => false,
  );
  if (!isFree) return freePort();
  listener.close();
  await once(listener, 'close');
  return port;
}
