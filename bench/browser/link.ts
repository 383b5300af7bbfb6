/** Ways that are bad on purpose, between a page and whatever it speaks with. */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

export { Link } from '../../e2e/support/link.ts';

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
