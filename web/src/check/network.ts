/** What a network lets through: each test by itself, with an end to each. */
import type { Path, PathResult } from './report';

/** Both ends are there; what has not come about by now will not. */
const PATH_MS = 8_000;
const SOCKET_MS = 5_000;
/** The round trip is measured with the first checks, and known a moment later. */
const RTT_LOOKS = 20;
const LOOK_MS = 100;
/** Each amount of bytes is sent only if the one before took less than this. */
const ENOUGH_MS = 700;
const AMOUNTS = [64, 256, 1024, 4096].map((kibibytes) => kibibytes * 1024);
const TRANSFER_MS = 10_000;

/** How long it took; rejects if nothing came of it. */
export function openWebSocket(url: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const since = performance.now();
    const socket = new WebSocket(url);
    const timer = setTimeout(() => socket.close(), SOCKET_MS);
    socket.onopen = () => {
      clearTimeout(timer);
      resolve(performance.now() - since);
      socket.close();
    };
    socket.onclose = () => reject(new Error('closed'));
  });
}

/** A connection to the server over one path. Nothing, where the server offers none: within TLS it needs a login, and TLS. */
export async function tryPath(path: Path): Promise<PathResult | undefined> {
  const pc = new RTCPeerConnection({ bundlePolicy: 'max-bundle' });
  let ports: number[] = [];
  try {
    // The server takes no offer without a line.
    pc.addTransceiver('audio', { direction: 'recvonly' });
    const channel = pc.createDataChannel('check');
    // Described only now: the server names the relay with its answer, and the browser looks for addresses once it is described.
    const offer = await pc.createOffer();
    const answered = await answer(path, offer.sdp ?? '');
    if (!answered) return undefined;
    const { sdp, iceServers } = answered;
    ports = iceServers ? portsOfRelays(iceServers) : portsOf(sdp);
    if (iceServers) pc.setConfiguration({ ...pc.getConfiguration(), iceServers, iceTransportPolicy: 'relay' });
    await pc.setLocalDescription(offer);
    await pc.setRemoteDescription({ type: 'answer', sdp });
    await opened(channel);
    return { outcome: 'ok', ports, ...(await pairOf(pc)) };
  } catch {
    return { outcome: 'failed', ports };
  } finally {
    pc.close();
  }
}

interface Answer {
  sdp: string;
  iceServers?: RTCIceServer[];
}

async function answer(path: Path, sdp: string): Promise<Answer | undefined> {
  const signal = AbortSignal.timeout(PATH_MS);
  const response = await fetch('/rtc/check', { method: 'POST', body: JSON.stringify({ path, sdp }), signal });
  if (path === 'tls' && (response.status === 401 || response.status === 404)) return undefined;
  if (!response.ok) throw new Error(String(response.status));
  return (await response.json()) as Answer;
}

/** The ports of `turns:host:443?transport=tcp` and its like. */
export function portsOfRelays(servers: RTCIceServer[]): number[] {
  const urls = servers.flatMap(({ urls }) => urls);
  return [...new Set(urls.map((url) => Number(/:(\d+)(\?|$)/.exec(url)?.[1] ?? 5349)))];
}

/** The ports of an answer's candidates. */
export function portsOf(sdp: string): number[] {
  const found = [...sdp.matchAll(/^a=candidate:\S+ \d+ \S+ \d+ \S+ (\d+) /gm)].map((match) => Number(match[1]));
  return [...new Set(found)];
}

function opened(channel: RTCDataChannel): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error('timeout')), PATH_MS);
    channel.onopen = () => {
      clearTimeout(timer);
      resolve();
    };
  });
}

async function pairOf(pc: RTCPeerConnection): Promise<Pick<PathResult, 'rttMs' | 'kind'>> {
  for (let look = 0; look < RTT_LOOKS; look += 1) {
    const stats = await pc.getStats();
    const all = [...stats.values()];
    const selected = all.find(({ type }) => type === 'transport')?.selectedCandidatePairId;
    const pair = all.find(({ id, type, nominated }) =>
      selected ? id === selected : type === 'candidate-pair' && nominated,
    );
    const local = pair && stats.get(pair.localCandidateId);
    const remote = pair && stats.get(pair.remoteCandidateId);
    if (typeof pair?.currentRoundTripTime === 'number') {
      const family = String(remote?.address ?? '').includes(':') ? 'IPv6' : 'IPv4';
      return { rttMs: Math.round(pair.currentRoundTripTime * 1000), kind: `${local?.candidateType ?? '?'} ${family}` };
    }
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
  return {};
}

/** Kilobits per second. */
export function download(): Promise<number> {
  return throughput(async (count, signal) => {
    const response = await fetch(`/rtc/check/bytes?count=${count}`, { cache: 'no-store', signal });
    if (!response.ok) throw new Error(String(response.status));
    return (await response.arrayBuffer()).byteLength;
  });
}

export function upload(): Promise<number> {
  return throughput(async (count, signal) => {
    const body = new Blob([new Uint8Array(count)]);
    const response = await fetch('/rtc/check/bytes', { method: 'POST', body, signal });
    if (!response.ok) throw new Error(String(response.status));
    return ((await response.json()) as { bytes: number }).bytes;
  });
}

type Transfer = (count: number, signal: AbortSignal) => Promise<number>;

/** More and more, until it takes long enough to be measured. */
export async function throughput(transfer: Transfer, now = () => performance.now()): Promise<number> {
  const signal = AbortSignal.timeout(TRANSFER_MS);
  let rate = 0;
  for (const count of AMOUNTS) {
    const since = now();
    let bytes: number;
    try {
      bytes = await transfer(count, signal);
    } catch (error) {
      // What was measured so far is something.
      if (rate > 0) break;
      throw error;
    }
    const took = Math.max(now() - since, 1);
    rate = (bytes * 8) / took;
    if (took > ENOUGH_MS) break;
  }
  return Math.round(rate);
}
