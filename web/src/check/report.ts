/** What a test found, as it travels in a link: behind the `#`, which browsers send to nobody. No names, no addresses. */

/** `failed`: tried in vain. Absent: not tried. */
export type Outcome = 'ok' | 'failed';

/** Media over UDP, over TCP, and through the server's relay within TLS. */
export type Path = 'udp' | 'tcp' | 'tls';

export interface PathResult {
  outcome: Outcome;
  /** Round trip in milliseconds. */
  rttMs?: number;
  /** The ports of the server that were tried. */
  ports: number[];
  /** What kind of addresses it went between, such as `prflx IPv4`. */
  kind?: string;
}

export interface Report {
  /** When, as ISO 8601. */
  at: string;
  /** The server, as the page's address has it. */
  host: string;
  camera?: Outcome;
  microphone?: Outcome;
  webSocket?: { outcome: Outcome; ms?: number };
  udp?: PathResult;
  tcp?: PathResult;
  /** Only of somebody who is logged in. */
  tls?: PathResult;
  /** Kilobits per second. */
  down?: number;
  up?: number;
}

/** Something to tell the IT department: the id of a sentence and what it names. */
export interface Advice {
  id:
    | 'check-advice-good'
    | 'check-advice-udp'
    | 'check-advice-tcp'
    | 'check-advice-tls'
    | 'check-advice-tls-only'
    | 'check-advice-media'
    | 'check-advice-websocket'
    | 'check-advice-slow';
  args: { host: string; udp: string; tcp: string; tls: string };
}

/** Below this, in kbit/s, a picture is small or none. */
const SLOW = 600;
/** Far more than a report has. */
const LONGEST = 4_000;

export function advise(report: Report): Advice[] {
  const { udp, tcp, tls, webSocket, host } = report;
  const args = { host, udp: ports(udp), tcp: ports(tcp), tls: ports(tls) };
  const found: Advice['id'][] = [];
  if (webSocket?.outcome === 'failed') found.push('check-advice-websocket');
  const direct = [udp, tcp].some((path) => path?.outcome === 'ok');
  if (udp && tcp && !direct) found.push(tls?.outcome === 'ok' ? 'check-advice-tls-only' : 'check-advice-media');
  else if (udp?.outcome === 'failed') found.push('check-advice-udp');
  else if (tcp?.outcome === 'failed') found.push('check-advice-tcp');
  if (tls?.outcome === 'failed' && direct) found.push('check-advice-tls');
  if (Math.min(report.down ?? SLOW, report.up ?? SLOW) < SLOW) found.push('check-advice-slow');
  if (found.length === 0) found.push('check-advice-good');
  return found.map((id) => ({ id, args }));
}

export function encode(report: Report): string {
  const bytes = new TextEncoder().encode(JSON.stringify(report));
  return btoa(String.fromCharCode(...bytes))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replaceAll('=', '');
}

/** Nothing, if it is no report. What comes in a link was written by anybody: only what is expected is taken from it. */
export function decode(text: string): Report | undefined {
  if (!text || text.length > LONGEST) return undefined;
  try {
    const bytes = Uint8Array.from(atob(text.replaceAll('-', '+').replaceAll('_', '/')), (c) => c.charCodeAt(0));
    return read(JSON.parse(new TextDecoder().decode(bytes)));
  } catch {
    return undefined;
  }
}

function read(value: unknown): Report | undefined {
  const { at, host, ...rest } = object(value);
  if (typeof at !== 'string' || Number.isNaN(Date.parse(at)) || typeof host !== 'string') return undefined;
  const webSocket = object(rest.webSocket);
  return clean({
    at,
    host: host.slice(0, 100),
    camera: outcome(rest.camera),
    microphone: outcome(rest.microphone),
    webSocket: outcome(webSocket.outcome) && { outcome: webSocket.outcome as Outcome, ms: amount(webSocket.ms) },
    udp: path(rest.udp),
    tcp: path(rest.tcp),
    tls: path(rest.tls),
    down: amount(rest.down),
    up: amount(rest.up),
  }) as unknown as Report;
}

function path(value: unknown): PathResult | undefined {
  const { outcome: found, rttMs, ports: all, kind } = object(value);
  if (!outcome(found)) return undefined;
  const known = Array.isArray(all) ? all.filter((port) => Number.isInteger(port)).slice(0, 4) : [];
  const named = typeof kind === 'string' ? kind.slice(0, 20) : undefined;
  return clean({ outcome: found, rttMs: amount(rttMs), ports: known, kind: named }) as unknown as PathResult;
}

function object(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}

function outcome(value: unknown): Outcome | undefined {
  return value === 'ok' || value === 'failed' ? value : undefined;
}

function amount(value: unknown): number | undefined {
  return typeof value === 'number' && value >= 0 && value < 1e9 ? value : undefined;
}

/** Without the members that are not there. */
function clean(value: Record<string, unknown>): Record<string, unknown> {
  return JSON.parse(JSON.stringify(value)) as Record<string, unknown>;
}

function ports(path: PathResult | undefined): string {
  return path?.ports.join(', ') ?? '';
}
