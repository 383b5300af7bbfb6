/** The first retry comes within this time: most losses are a short change of network. */
const FIRST_MS = 500;
/** Somebody in a call waits for us: try often. */
export const LONGEST_IN_CALL_MS = 5_000;
/** Nobody waits: spare the server that a thousand clients want back at once. */
export const LONGEST_IDLE_MS = 30_000;

/** How long to wait before retry `attempt` (0 is the first): exponential, with jitter between half and the whole. */
export function backoff(attempt: number, inCall: boolean, random: () => number): number {
  const longest = inCall ? LONGEST_IN_CALL_MS : LONGEST_IDLE_MS;
  const whole = Math.min(longest, FIRST_MS * 2 ** Math.min(attempt, 16));
  return whole * (0.5 + 0.5 * random());
}
