import { type Api, contact } from '../support/api.ts';
import { desk, looksGood, phone } from '../support/looks.ts';
import type { Look, Person } from '../support/person.ts';
import { expect, test } from '../support/story.ts';
import { reads, readsNothing, seesStills } from '../support/weak.ts';

test.setTimeout(420_000);

/** A call of two through the server, in which both see and hear each other. */
async function throughServer(
  person: (userId: string, look?: Look) => Promise<Person>,
  api: (userId: string) => Promise<Api>,
  looks: { technician: Look; expert: Look },
): Promise<{ technician: Person; expert: Person }> {
  const [technician, expert, maker, invited] = await Promise.all([
    person('expert1', looks.technician),
    person('expert2', looks.expert),
    api('expert1'),
    api('expert2'),
  ]);
  await maker.createCall({ callTitle: 'Pump 7', invitedContacts: [contact(invited.user)] });
  await expert.answer(technician);
  await technician.answer(expert);
  await Promise.all([technician, expert].map((one) => one.throughServer()));
  await Promise.all([technician, expert].map((one) => one.seesAndHears()));
  return { technician, expert };
}

/** The weak one reads of its own side, the other of that one's. */
async function bothRead(weak: Person, other: Person, what: string): Promise<void> {
  await Promise.all([
    reads(weak, `Weak link on your side: ${what}`),
    reads(other, `Weak link on ${weak.name}’s side: ${what}`),
  ]);
}

test('what comes to somebody on a weak link goes down the ladder, and up again', async ({ person, api, link }) => {
  const looks = { technician: desk, expert: { ...phone, through: link.port } };
  const { technician, expert } = await throughServer(person, api, looks);
  link.down('rtt=40ms rate=90k');
  await bothRead(expert, technician, 'pictures instead of video');
  await seesStills(expert);
  await Promise.all([expert.hears(), technician.seesAndHears()]);
  await looksGood(expert.page, 'phone-weak-down');
  await looksGood(technician.page, 'desk-weak-down');
  link.down('rtt=40ms rate=40k');
  await bothRead(expert, technician, 'sound only');
  await expert.hears();
  link.down('rtt=40ms');
  await Promise.all([readsNothing(expert), readsNothing(technician)]);
  await expect(expert.page.getByTestId('still')).toHaveCount(0);
  await Promise.all([expert.seesAndHears(), technician.seesAndHears()]);
});

test('what somebody sends on a weak link goes down the ladder, and up again', async ({ person, api, link }) => {
  const looks = { technician: { ...phone, through: link.port }, expert: desk };
  const { technician, expert } = await throughServer(person, api, looks);
  link.up('rtt=40ms rate=90k');
  await bothRead(technician, expert, 'pictures instead of video');
  await seesStills(expert);
  await Promise.all([expert.hears(), technician.seesAndHears()]);
  await looksGood(technician.page, 'phone-weak-up');
  await looksGood(expert.page, 'desk-weak-up');
  link.up('rtt=40ms');
  await Promise.all([readsNothing(technician), readsNothing(expert)]);
  await expect(expert.page.getByTestId('still')).toHaveCount(0);
  await Promise.all([expert.seesAndHears(), technician.seesAndHears()]);
});
