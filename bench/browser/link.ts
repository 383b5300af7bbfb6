/** Networks that are bad on purpose, between a page and whatever it speaks with. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

const program = process.env.BENCH_PROGRAM ?? 'target/release/farhand-bench';
/** With this the kernel ends the relay when the process that started it dies, however it dies. */
const leash = existsSync('/usr/bin/setpriv') ? ['/usr/bin/setpriv', '--pdeathsig', 'KILL'] : [];

/** UDP: `farhand-bench impair` in front of a port of this machine. Its profile's time begins when it is started. */
export class Link {
  private constructor(
    private readonly child: ChildProcess,
    readonly port: number,
    private readonly begun: number,
  ) {}

  static async open(to: number, profile: string, seed: number): Promise<Link> {
    const [first = program, ...args] = [...leash, program, 'impair', `127.0.0.1:${to}`, '--link', profile, '--seed', `${seed}`];
    const child = spawn(first, args, { stdio: ['pipe', 'pipe', 'inherit'] });
    const [said] = (await once(child.stdout, 'data')) as [Buffer];
    const port = /:(\d+) leads/.exec(said.toString())?.[1];
    if (!port) throw new Error(`the relay said: ${said.toString()}`);
    return new Link(child, Number(port), Date.now());
  }

  /** From now on no address that a page has had so far leads anywhere. */
  move(): void {
    this.child.stdin?.write('move\n');
  }

  /** When so many seconds of the profile have passed, in milliseconds since 1970. */
  at(seconds: number): number {
    return this.begun + seconds * 1000;
  }

  /** Waits until so many seconds of the profile have passed. */
  async until(seconds: number): Promise<void> {
    await pause(this.at(seconds) - Date.now());
  }

  close(): void {
    this.child.kill('SIGKILL');
  }
}

/** TCP: every byte arrives half a round trip later, and a connection is there after a whole one. */
export class Wire {
  rttMs = 0;
  private readonly open = new Set<Socket>();

  private constructor(
    private readonly listener: Server,
    private readonly to: number,
  ) {
    listener.on('connection', (client) => this.carry(client));
  }

  static async lay(to: number): Promise<Wire> {
    const listener = createServer().listen(0, '127.0.0.1');
    const wire = new Wire(listener, to);
    await once(listener, 'listening');
    return wire;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.listener.address() as AddressInfo).port}`;
  }

  /** As a browser does it when the network changes. */
  cut(): void {
    for (const socket of this.open) socket.destroy();
  }

  close(): void {
    this.listener.close();
    this.cut();
  }

  private carry(client: Socket): void {
    const server = connect(this.to, '127.0.0.1');
    this.pass(client, server, this.rttMs);
    this.pass(server, client, 0);
  }

  private pass(from: Socket, to: Socket, shake: number): void {
    this.open.add(from);
    from.setNoDelay();
    const shaken = Date.now() + shake;
    let before: Promise<void> | undefined;
    // One after the other; without a delay nothing is added to it.
    const later = (act: () => void) => {
      const at = Math.max(shaken, Date.now()) + this.rttMs / 2;
      if (before === undefined && at <= Date.now()) act();
      else before = (before ?? Promise.resolve()).then(() => pause(at - Date.now())).then(act);
    };
    from.on('data', (bytes) => later(() => to.writable && to.write(bytes)));
    from.on('error', () => undefined);
    from.on('close', () => {
      this.open.delete(from);
      later(() => to.destroy());
    });
  }
}

export function pause(milliseconds: number): Promise<void> {
  return new Promise((over) => setTimeout(over, Math.max(milliseconds, 0)));
}
