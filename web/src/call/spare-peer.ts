import type { MediaPlan } from '../api/types';

/**
 * Keeps one RTCPeerConnection ready. Making one takes the browser tens of milliseconds, best spent while it rings; it
 * gathers no address before it is used, so a ring still reveals none.
 */
export class SparePeer {
  private spare: RTCPeerConnection | undefined;

  constructor(
    private readonly make: (iceServers: RTCIceServer[]) => RTCPeerConnection,
    private readonly iceServers: () => RTCIceServer[],
  ) {}

  warm(): void {
    this.spare ??= this.make(this.iceServers());
  }

  take(plan: MediaPlan): RTCPeerConnection {
    const known = plan.mode === 'sfu' ? relays(this.iceServers()) : this.iceServers();
    const iceServers = [...known, ...relaysOf(plan)];
    const spare = this.spare;
    this.spare = undefined;
    if (!spare) return this.make(iceServers);
    // The list may have been renewed since.
    spare.setConfiguration({ ...spare.getConfiguration(), iceServers });
    return spare;
  }

  drop(): void {
    this.spare?.close();
    this.spare = undefined;
  }
}

/** What the plan names, as the browser wants it: no member that is null. */
export function relaysOf({ iceServers = [] }: MediaPlan): RTCIceServer[] {
  return iceServers.map(({ urls, username, credential }) => ({
    urls,
    ...(username && { username }),
    ...(credential && { credential }),
  }));
}

/**
 * Without the STUN servers. The SFU has an address that everybody reaches, and answers STUN at the same one; browsers
 * made of libwebrtc take whatever comes from the address of a STUN server for an answer of that, and for nothing else.
 */
export function relays(servers: RTCIceServer[]): RTCIceServer[] {
  const relayed = servers.map((server) => ({
    ...server,
    urls: [server.urls].flat().filter((url) => /^turns?:/.test(url)),
  }));
  return relayed.filter(({ urls }) => urls.length > 0);
}
