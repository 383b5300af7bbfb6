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

/** The way between two pages that connect directly, as soon as the one leads the other through it. */
export class DirectLink {
  /** Each leads to one address of the near page. */
  private readonly links = new Map<number, Promise<Link>>();
  private profiles = { up: 'rtt=40ms', down: 'rtt=40ms' };

  /** For the far page: where it finds what is at this port of the near one. */
  async portTo(port: number): Promise<number> {
    const link = this.links.get(port) ?? Link.open(port, '', 1);
    this.links.set(port, link);
    const { up, down } = this.profiles;
    this.change(await link, up, down);
    return (await link).port;
  }

  /** How the ways from and to the far page are from now on. */
  async become(up: string, down: string): Promise<void> {
    this.profiles = { up, down };
    for (const link of await Promise.all(this.links.values())) this.change(link, up, down);
  }

  async close(): Promise<void> {
    for (const link of await Promise.all(this.links.values())) link.close();
  }

  private change(link: Link, up: string, down: string): void {
    link.up(up);
    link.down(down);
  }
}

declare global {
  interface Window {
    /** Where a page finds what is at this port of the other one; nothing, if it is to wait for the other to find it. */
    portTo: (port: number) => Promise<number | undefined>;
  }
}

/** Runs in the page before anything else: there are no other ways than those that it is led. */
export function withoutServers(): void {
  const { prototype } = RTCPeerConnection;
  const configure = prototype.setConfiguration;
  prototype.setConfiguration = function (this: RTCPeerConnection, wanted) {
    configure.call(this, { ...wanted, iceServers: [] });
  };
  window.RTCPeerConnection = new Proxy(window.RTCPeerConnection, {
    construct: (made, [configuration], target) =>
      Reflect.construct(made, [{ ...configuration, iceServers: [] }], target) as RTCPeerConnection,
  });
}

/** Runs in the page before anything else: what it says to the SFU goes by this port. */
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
}

/** Runs in the page before anything else: what it says to another page goes by `portTo`. */
export function leadToOther(): void {
  const { prototype } = RTCPeerConnection;
  const describe: (this: RTCPeerConnection, to: RTCSessionDescriptionInit) => Promise<void> =
    prototype.setRemoteDescription;
  prototype.setRemoteDescription = function (this: RTCPeerConnection, { type, sdp = '' }: RTCSessionDescriptionInit) {
    return describe.call(this, { type, sdp: sdp.replace(/^a=candidate:.*\r\n/gm, '') });
  };
  const add: (this: RTCPeerConnection, candidate: RTCIceCandidateInit) => Promise<void> = prototype.addIceCandidate;
  prototype.addIceCandidate = async function (this: RTCPeerConnection, told?: RTCIceCandidateInit | null) {
    const [, before, port, after] = /^(.* udp \d+ 127\.0\.0\.1 )(\d+)( typ host.*)$/.exec(told?.candidate ?? '') ?? [];
    const way = port && (await window.portTo(Number(port)));
    if (way) await add.call(this, { ...told, candidate: `${before}${way}${after}` });
  };
}
