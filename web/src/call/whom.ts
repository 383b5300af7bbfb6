/** Whom a call is for, as requests name them. */
import type { CreateCallRequest, HandOverRequest, Invited, Team } from '../api/types';

export type Whom = Invited | Team;

export function invitation(who: Whom): Pick<CreateCallRequest, 'invitedContacts' | 'invitedTeams'> {
  return 'id' in who ? { invitedTeams: [{ id: who.id }] } : { invitedContacts: [who] };
}

/** To whom a call is handed over. */
export function receiver(who: Whom): Pick<HandOverRequest, 'contact' | 'team'> {
  return 'id' in who ? { team: { id: who.id } } : { contact: who };
}

/** Whoever takes it first has it. */
export function callTo(who: Whom): CreateCallRequest {
  return { callType: 'MESH', ...invitation(who), useStoredAddresses: true };
}
