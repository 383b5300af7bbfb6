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

  take(): RTCPeerConnection {
    const spare = this.spare;
    this.spare = undefined;
    if (!spare) return this.make(this.iceServers());
    // The list may have been renewed since.
    spare.setConfiguration({ ...spare.getConfiguration(), iceServers: this.iceServers() });
    return spare;
  }

  drop(): void {
    this.spare?.close();
    this.spare = undefined;
  }
}
