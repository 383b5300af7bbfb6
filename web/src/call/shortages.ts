/** Who has less than the full picture, and what follows from it. */
import type { CallView, Person, Shortage } from '../api/types';
import type { Rung } from './ladder';
import { nameOf, seated } from './people';

/** Whether the own camera's still pictures are wanted by anybody. */
export function stillsWanted(call: CallView, own: Rung): boolean {
  if (own === 'audio') return false;
  return own === 'stills' || seated(call).some(({ receives }) => receives?.rung === 'stills');
}

/** Of whom there are still pictures instead of video. */
export function stillsFrom(call: CallView): number[] {
  const receives = me(call)?.receives?.rung;
  if (receives === 'audio') return [];
  const still = ({ media }: Person) => receives === 'stills' || media?.sends?.rung === 'stills';
  return seated(call).flatMap((person) =>
    person.media?.camera && still(person) && typeof person.contact.id === 'number' ? person.contact.id : [],
  );
}

export interface Line {
  /** Of a sentence. */
  id: string;
  name: string;
}

const ORDER: Shortage['rung'][] = ['smaller', 'slow', 'stills', 'audio'];

/** What is to be said to everybody of weak links and budgets, oneself first. */
export function shortageLines(call: CallView): Line[] {
  const own = me(call);
  const lines: Line[] = [];
  const say = (line: Line) => {
    if (!lines.some(({ id, name }) => id === line.id && name === line.name)) lines.push(line);
  };
  const ownWorst = own && worst(own);
  if (ownWorst) say({ id: `short-own-${ownWorst.reason}-${ownWorst.rung}`, name: '' });
  // Straight from one to the other both keep to the smaller budget: it is no matter whose it is.
  const shared = call.mediaPlan?.mode === 'p2p';
  for (const person of seated(call)) {
    const shortage = worst(person);
    if (!shortage) continue;
    const { reason, rung } = shortage;
    if (shared && reason === 'budget') say({ id: `short-own-budget-${rung}`, name: '' });
    else say({ id: `short-${reason}-${rung}`, name: nameOf(person.contact) });
  }
  return lines;
}

function worst({ media, receives }: Person): Shortage | undefined {
  const both = [media?.sends, receives].filter((shortage) => shortage != null);
  return both.sort((a, b) => ORDER.indexOf(b.rung) - ORDER.indexOf(a.rung))[0];
}

function me(call: CallView): Person | undefined {
  return call.people.find(({ contact }) => contact.id === call.you);
}
