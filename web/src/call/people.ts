/** Who is who in a call, and how to name them so that every control's label is unique on the screen. */
import type { CallView, Contact, Person, PersonState, User } from '../api/types';

export function nameOf(contact: Contact | undefined): string {
  return contact?.displayName || contact?.userId || contact?.email || contact?.phoneNumber || '?';
}

export function others(call: CallView): Person[] {
  return call.people.filter((p) => p.contact.id !== call.you && p.state !== 'broker');
}

/** Those others who are in the call, on whatever line. */
export function seated(call: CallView): Person[] {
  return others(call).filter(({ state }) => state === 'joined' || state === 'reconnecting');
}

/** Those others who show a screen. */
export function sharers(call: CallView): number[] {
  return seated(call).flatMap(({ contact, media }) =>
    media?.screen && typeof contact.id === 'number' ? contact.id : [],
  );
}

/** Those others there may be to see and hear. */
export function mayCome(call: CallView): Person[] {
  return others(call).filter(({ state }) => !canRingAgain({ state }));
}

/** Who counts as the other one, in this order: whoever is there, is coming, was there, did not come. */
const NEARNESS: Record<PersonState, number> = {
  joined: 0,
  reconnecting: 1,
  ringing: 2,
  left: 3,
  waiting: 4,
  missed: 5,
  declined: 6,
  silenced: 7,
  broker: 8,
};

/** The person a two-person call is or was with; in a larger one, whoever is at the other end of the media. */
export function otherIn(call: CallView): Person | undefined {
  const all = others(call);
  const nearest = [...all].sort((a, b) => NEARNESS[a.state] - NEARNESS[b.state]);
  return all.find((p) => p.contact.id === call.mediaPlan?.peer) ?? nearest[0];
}

/** Whether this person may be rung again from within the call. */
export function canRingAgain(person: Pick<Person, 'state'>): boolean {
  return (
    person.state === 'declined' || person.state === 'missed' || person.state === 'silenced' || person.state === 'left'
  );
}

export function canJoin(call: CallView): boolean {
  const me = call.people.find((p) => p.contact.id === call.you);
  return call.callStatus !== 'Ended' && call.seat !== 'here' && me !== undefined && me.state !== 'broker';
}

/** Whether somebody may move, rename or cancel a call. */
export function mayManage(call: CallView, user: Pick<User, 'roles'> | undefined): boolean {
  return call.you === call.creator || (user?.roles.includes('admin') ?? false);
}

/** One label per item: the plain name, and where names collide, with what tells them apart. */
export function uniqueLabels<T>(items: T[], plain: (item: T) => string, exact: (item: T) => string): string[] {
  const count = new Map<string, number>();
  for (const item of items) count.set(plain(item), (count.get(plain(item)) ?? 0) + 1);
  return items.map((item) => ((count.get(plain(item)) ?? 0) > 1 ? `${plain(item)} (${exact(item)})` : plain(item)));
}
