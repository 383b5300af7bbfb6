/** How a call stands, as the id of a sentence for the person in it. */
import type { CallView, Person } from '../api/types';
import type { LinkState } from '../signalling/client';
import { ringOf } from './messages';
import { nameOf, otherIn, seated } from './people';
import type { Connection, Path } from './session';

export interface Phrase {
  id: string;
  args: { name: string };
}

export function phrase(
  call: CallView,
  connection: Connection,
  path: Path | undefined,
  online: (person: Person) => boolean,
): Phrase {
  const other = otherIn(call);
  const args = { name: nameOf(other?.contact) };
  if (connection === 'connected' && isWithSomebody(call)) return { id: connectedId(path), args };
  if (!other) return { id: 'call-alone', args };
  if (other.state === 'reconnecting') return { id: 'call-other-lost', args };
  if (connection === 'reconnecting') return { id: 'call-reconnecting', args };
  return { id: waitingId(other, online(other)), args };
}

/** What to say in the call view while there is no connection to the server, if anything. */
export function serverLost(link: LinkState, call: CallView | undefined): string | undefined {
  if (link === 'refused') return 'server-refused';
  // Before there is a call, connecting is what one waits for anyway.
  if (!call) return link === 'waiting' ? 'server-lost' : undefined;
  return link === 'open' ? undefined : 'server-lost-in-call';
}

/** Connected to the server one may still be alone. */
function isWithSomebody(call: CallView): boolean {
  // Peer to peer, media that flow count more than what the server hears of the other end.
  if (call.mediaPlan?.mode !== 'sfu') return true;
  const there = seated(call);
  return there.length > 1 || there.some(({ state }) => state === 'joined');
}

function connectedId(path: Path | undefined): string {
  if (path === 'direct') return 'call-direct';
  if (path === 'server') return 'call-server';
  return path === 'relay' ? 'call-relay' : 'call-connected';
}

/** What weighs most for whoever waits. */
function ringingId(other: Person, online: boolean): string {
  const { quiet, busy } = other;
  if (!online) return 'call-ringing-offline';
  if (quiet) return quiet === 'quietHours' ? 'call-ringing-hours' : 'call-ringing-dnd';
  if (busy) return 'call-ringing-busy';
  return ringOf(other) === 'ring-seen' ? 'call-ringing-seen' : 'call-ringing';
}

function waitingId(other: Person, online: boolean): string {
  switch (other.state) {
    case 'ringing':
      return ringingId(other, online);
    case 'declined':
      return 'call-declined';
    case 'missed':
      return 'call-missed';
    case 'left':
      return 'call-left';
    case 'joined':
      return 'call-connecting';
    default:
      return 'call-waiting';
  }
}
