/** Keeps the list of ICE servers at hand, so that answering a call need not wait for it. */
import type { IceServers } from '../api/types';
import type { Clock } from '../signalling/clock';

const RETRY_MS = 10_000;

export class IceServerList {
  private servers: RTCIceServer[] = [];
  private timer: number | undefined;

  constructor(
    private readonly fetch: () => Promise<IceServers>,
    private readonly clock: Clock,
  ) {}

  get current(): RTCIceServer[] {
    return this.servers;
  }

  async start(): Promise<void> {
    this.stop();
    let next = RETRY_MS;
    try {
      const { iceServers, ttlSeconds } = await this.fetch();
      this.servers = iceServers.map(({ urls, username, credential }) => ({
        urls,
        username: username ?? undefined,
        credential: credential ?? undefined,
      }));
      // Credentials must outlive the call they are used to set up.
      next = Math.max(RETRY_MS, ttlSeconds * 500);
    } catch {
      // Calls work without, on the same network; ask again soon.
    }
    this.clock.clearTimeout(this.timer);
    this.timer = this.clock.setTimeout(() => void this.start(), next);
  }

  stop(): void {
    this.clock.clearTimeout(this.timer);
    this.timer = undefined;
  }
}
