/** Connections to the SFU whose offer goes out with a `join`, before the media plan is known: that saves a round trip. */
import type { Clock } from '../signalling/clock';
import { type Answer, RequestError, type RequestFrame } from '../signalling/requests';
import { SfuLink } from './sfu-link';
import type { Signalling } from './stage';

export function offering(pc: RTCPeerConnection, people: number, clock: Clock): SfuLink {
  const nothing = () => undefined;
  // The answer comes with that of the `join`, and nobody listens before.
  const events = { connection: nothing, remote: nothing, broken: nothing, offer: () => new Promise<string>(nothing) };
  return new SfuLink(pc, people, { audio: null, video: null }, clock, events, true);
}

/** Asks to join, with the connection's offer if it has no answer yet. */
export async function joinWith(
  link: SfuLink | undefined,
  signalling: Signalling,
  frame: RequestFrame,
  given: AbortSignal,
): Promise<Answer> {
  // What has its answer must not wait for anything: what the page draws would come first.
  const offer = link && !link.answered ? await link.unanswered() : undefined;
  // Hung up while the offer was made.
  if (given.aborted) throw new RequestError('withdrawn');
  return signalling.request(offer && frame.type === 'join' ? { ...frame, offer } : frame, given);
}
