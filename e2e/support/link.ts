/** Networks that are bad on purpose, between a page and the server's media. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const checkout = fileURLToPath(new URL('../..', import.meta.url));
const program = process.env.BENCH_PROGRAM ?? join(checkout, 'target/debug/farhand-bench');
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
    const plan = ['impair', `127.0.0.1:${to}`, '--link', profile, '--seed', `${seed}`];
    const [first = program, ...args] = [...leash, program, ...plan];
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

  /** How the way to the page is from now on. */
  down(profile: string): void {
    this.child.stdin?.write(`down ${profile}\n`);
  }

  /** How the way from the page is from now on. */
  up(profile: string): void {
    this.child.stdin?.write(`up ${profile}\n`);
  }

  /** When so many seconds of the profile have passed, in milliseconds since 1970. */
  at(seconds: number): number {
    return this.begun + seconds * 1000;
  }

  close(): void {
    this.child.kill('SIGKILL');
  }
}

/** Runs in the page before anything else: what it says to the SFU goes by this port, and nothing goes another way. */
export function leadThrough(port: number): void {
  const { prototype } = RTCPeerConnection;
  const describe: (this: RTCPeerConnection, to: RTCSessionDescriptionInit) => Promise<void> =
    prototype.setRemoteDescription;
  prototype.setRemoteDescription = function (this: RTCPeerConnection, { type, sdp = '' }: RTCSessionDescriptionInit) {
    const udp = sdp.replace(/^a=candidate:\S+ 1 tcp .*\r\n/gm, '');
    return describe.call(this, {
      type,
      sdp: udp.replace(/ 127\.0\.0\.1 \d+ typ host/g, ` 127.0.0.1 ${port} typ host`),
    });
  };
  const configure = prototype.setConfiguration;
  prototype.setConfiguration = function (this: RTCPeerConnection, wanted) {
    configure.call(this, { ...wanted, iceServers: [] });
  };
  window.RTCPeerConnection = new Proxy(window.RTCPeerConnection, {
    construct: (made, [configuration], target) =>
      Reflect.construct(made, [{ ...configuration, iceServers: [] }], target) as RTCPeerConnection,
  });
}
