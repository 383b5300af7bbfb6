import { type Api, contact } from './api.ts';
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

export interface Conference {
  people: [Person, Person, Person];
  /** The first of them over REST. */
  api: Api;
  callId: string;
}

/** Brings three people into an SFU call in which each sees and hears both others. */
export async function conference(
  person: (userId: string, look?: Look) => Promise<Person>,
  api: (userId: string) => Promise<Api>,
  look: Look = {},
): Promise<Conference> {
  const names = ['expert1', 'expert2', 'callertest1'] as const;
  const [first, second, third] = await Promise.all([
    person(names[0], look),
    person(names[1], look),
    person(names[2], look),
  ]);
  const [log, ...invited] = await Promise.all(names.map((name) => api(name)));
  if (!log) throw new Error('nobody makes the call');
  const { callId } = await log.createCall({
    callTitle: 'All about pump 7',
    invitedContacts: invited.map(({ user }) => contact(user)),
  });
  await second.answer(first);
  await first.answer(second);
  await third.answer(first);
  await Promise.all([first, second, third].map((one) => one.seesAndHearsAll(2)));
  return { people: [first, second, third], api: log, callId };
}
