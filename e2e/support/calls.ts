import type { Api } from './api.ts';
import type { Look, Person } from './person.ts';

export interface Call {
  caller: Person;
  callee: Person;
  /** The caller over REST, to read the log. */
  api: Api;
  callId: string;
}

/** Brings two people into a call in which both see and hear each other. */
export async function talking(
  person: (userId: string, look?: Look) => Promise<Person>,
  api: (userId: string) => Promise<Api>,
  look: Look = {},
): Promise<Call> {
  const [caller, callee, log] = await Promise.all([person('expert1', look), person('expert2', look), api('expert1')]);
  await caller.call(callee);
  await callee.answer(caller);
  await Promise.all([caller.connected(), callee.connected()]);
  await Promise.all([caller.seesAndHears(), callee.seesAndHears()]);
  const { callId } = await log.onlyCall();
  return { caller, callee, api: log, callId };
}
