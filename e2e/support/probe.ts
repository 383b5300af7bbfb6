/** What a page received, as its peer connections count it. */
export interface Received {
  /** Peer connections the page has made since it was loaded. */
  connections: number;
  framesDecoded: number;
  audioEnergy: number;
}

declare global {
  interface Window {
    received: () => Promise<Received>;
  }
}

/** Runs in the page before anything else, and keeps an eye on its peer connections. */
export function watchPeerConnections(): void {
  const made: RTCPeerConnection[] = [];
  window.RTCPeerConnection = new Proxy(window.RTCPeerConnection, {
    construct(original, args, target) {
      const connection = Reflect.construct(original, args, target) as RTCPeerConnection;
      made.push(connection);
      return connection;
    },
  });
  window.received = async () => {
    const total = { connections: made.length, framesDecoded: 0, audioEnergy: 0 };
    for (const connection of made) {
      if (connection.connectionState === 'closed') continue;
      for (const report of (await connection.getStats()).values()) {
        if (report.type !== 'inbound-rtp') continue;
        total.framesDecoded += report.kind === 'video' ? (report.framesDecoded ?? 0) : 0;
        total.audioEnergy += report.kind === 'audio' ? (report.totalAudioEnergy ?? 0) : 0;
      }
    }
    return total;
  };
}
