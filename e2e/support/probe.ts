/** What a page received, as its peer connections count it. */
export interface Received {
  /** Peer connections the page has made since it was loaded. */
  connections: number;
  framesDecoded: number;
  audioEnergy: number;
  /** Each line that something has come on: pictures and packets of sound, with how loud they were. */
  lines: Record<string, Line>;
}

export interface Line {
  kind: 'picture' | 'sound';
  count: number;
  energy: number;
}

declare global {
  interface Window {
    received: () => Promise<Received>;
    pairs: () => Promise<string[]>;
    /** How the page reaches the relays it has addresses on. */
    relayProtocols: () => Promise<string[]>;
    framesWithoutPicture: () => number;
  }
}

/** Runs in the page before anything else: its connections go through a relay within TLS or not at all. */
export function allowRelaysWithinTlsOnly(): void {
  const urls = (server: RTCIceServer) => [server.urls].flat().filter((url) => url.startsWith('turns:'));
  const limited = (configuration: RTCConfiguration = {}): RTCConfiguration => ({
    ...configuration,
    iceTransportPolicy: 'relay',
    iceServers: (configuration.iceServers ?? [])
      .map((server) => ({ ...server, urls: urls(server) }))
      .filter((server) => server.urls.length > 0),
  });
  const original = RTCPeerConnection.prototype.setConfiguration;
  RTCPeerConnection.prototype.setConfiguration = function (configuration) {
    original.call(this, limited(configuration));
  };
  window.RTCPeerConnection = new Proxy(window.RTCPeerConnection, {
    construct: (made, [configuration], target) =>
      Reflect.construct(made, [limited(configuration)], target) as RTCPeerConnection,
  });
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
  window.pairs = async () => {
    const all = await Promise.all(made.map(async (connection) => [...(await connection.getStats()).values()]));
    return all
      .flat()
      .filter(({ type, nominated }) => type === 'candidate-pair' && nominated)
      .map(({ id }) => id);
  };
  window.relayProtocols = async () => {
    const all = await Promise.all(made.map(async (connection) => [...(await connection.getStats()).values()]));
    return all.flat().flatMap(({ type, relayProtocol }) => (type === 'local-candidate' ? [relayProtocol ?? ''] : []));
  };
  window.received = async () => {
    const total: Received = { connections: made.length, framesDecoded: 0, audioEnergy: 0, lines: {} };
    for (const connection of made) {
      if (connection.connectionState === 'closed') continue;
      for (const report of (await connection.getStats()).values()) {
        if (report.type !== 'inbound-rtp') continue;
        const { trackIdentifier, framesDecoded = 0, packetsReceived = 0, totalAudioEnergy: energy = 0 } = report;
        const picture = report.kind === 'video';
        total.framesDecoded += framesDecoded;
        total.audioEnergy += energy;
        const count = picture ? framesDecoded : packetsReceived;
        total.lines[trackIdentifier] = { kind: picture ? 'picture' : 'sound', count, energy };
      }
    }
    return total;
  };
}

/** Runs in the page: looks at every frame that is drawn whether somebody's picture is there, whichever element shows it. */
export function watchPicture(name: string): void {
  let missed = 0;
  const look = () => {
    const pictures = [...document.querySelectorAll('video')].filter((video) => video.ariaLabel === name);
    const tracks = pictures.flatMap((video) => (video.srcObject as MediaStream | null)?.getVideoTracks() ?? []);
    if (!tracks.some((track) => track.readyState === 'live')) missed += 1;
    requestAnimationFrame(look);
  };
  look();
  window.framesWithoutPicture = () => missed;
}
