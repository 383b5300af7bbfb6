/**
 * Connections to the SFU that are made while calls ring, so that accepting one costs no handshake. Neither microphone nor
 * camera is on them, and nothing passes: that begins with the media plan of whoever accepts.
 */
import type { MediaTrack, Ring } from '../api/types';
import type { Clock } from '../signalling/clock';
import { SfuLink } from './sfu-link';

export interface PreparedEnvironment {
  clock: Clock;
  connect(ring: Ring): RTCPeerConnection;
  /** Asks the SFU for its answer; rejects with a RequestError. */
  offer(callId: string, sdp: string, tracks: MediaTrack[], withdrawn: AbortSignal): Promise<string>;
}

/** Calls to prepare for at a time. More rarely ring, and each connection costs the page and the server something. */
const MOST = 2;

export class Prepared {
  /** Without a link where it did not come about: it is not tried twice in a ring. */
  private readonly links = new Map<string, SfuLink | undefined>();

  constructor(private readonly env: PreparedEnvironment) {}

  /** Makes it what rings. To be called after anything. */
  follow(rings: readonly Ring[]): void {
    const wanted = rings.filter(({ callType }) => callType === 'SFU');
    const gone = [...this.links.keys()].filter((callId) => !wanted.some((ring) => ring.callId === callId));
    for (const callId of gone) this.forget(callId)?.close();
    for (const ring of wanted) {
      if (this.links.size < MOST && !this.links.has(ring.callId)) this.links.set(ring.callId, this.make(ring));
    }
  }

  /** The connection for a call that is accepted, if it stands. It is the caller's then. */
  take(callId: string): SfuLink | undefined {
    const link = this.forget(callId);
    if (link?.stands) return link;
    link?.close();
    return undefined;
  }

  private forget(callId: string): SfuLink | undefined {
    const link = this.links.get(callId);
    this.links.delete(callId);
    return link;
  }

  private make(ring: Ring): SfuLink {
    const { callId } = ring;
    const { connect, clock, offer } = this.env;
    const early = true;
    const link: SfuLink = new SfuLink(
      connect(ring),
      0,
      { audio: null, video: null },
      clock,
      {
        connection: () => undefined,
        remote: () => undefined,
        broken: () => {
          // What was accepted is mended, once its media plan is there.
          if (this.links.get(callId) !== link) return;
          this.links.set(callId, undefined);
          link.close();
        },
        offer: (sdp, tracks, withdrawn) => offer(callId, sdp, tracks, withdrawn),
      },
      early,
    );
    return link;
  }
}
