import { type Api, contact } from '../support/api.ts';
import { desk, looksGood, phone } from '../support/looks.ts';
import type { Look, Person } from '../support/person.ts';
import { expect, test } from '../support/story.ts';

/** What is going to be waited for takes as long as a link takes to show what it carries, on a busy machine. */
const PATIENCE = { timeout: 90_000 };

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

async function reads(person: Person, ...words: string[]): Promise<void> {
  await expect(person.page.getByTestId('shortage')).toHaveText(words, PATIENCE);
}

async function readsNothing(person: Person): Promise<void> {
  await expect(person.page.getByTestId('shortage')).toHaveCount(0, PATIENCE);
}

/** Pictures come, each newer than the last. */
async function seesStills({ page }: Person): Promise<void> {
  const still = page.getByTestId('still');
  await expect(still).toBeVisible(PATIENCE);
  const first = await still.getAttribute('src');
  await expect(still).not.toHaveAttribute('src', first ?? '', PATIENCE);
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

test('both ends of a direct call over a bad link go down to still pictures and to sound, and back to video', async ({ person, direct }) => {
  const [far, near] = await Promise.all([
    person('expert1', { ...phone, portTo: (port) => direct.portTo(port) }),
    person('expert2', { ...desk, portTo: async () => undefined }),
  ]);
  await far.call(near);
  await near.answer(far);
  await Promise.all([far, near].map((one) => one.connected()));
  await Promise.all([far, near].map((one) => one.seesAndHears()));
  await direct.become('rtt=40ms rate=80k', 'rtt=40ms rate=80k');
  const bothHave = (what: string) => {
    const less = (name: string) => `Weak link on ${name}: ${what}`;
    return Promise.all([
      reads(far, less('your side'), less(`${near.name}’s side`)),
      reads(near, less('your side'), less(`${far.name}’s side`)),
    ]);
  };
  await bothHave('pictures instead of video');
  await Promise.all([far, near].map((one) => seesStills(one)));
  await Promise.all([far, near].map((one) => one.hears()));
  await looksGood(far.page, 'phone-weak-direct');
  await looksGood(near.page, 'desk-weak-direct');
  await direct.become('rtt=40ms rate=40k', 'rtt=40ms rate=40k');
  await bothHave('sound only');
  await Promise.all([far, near].map((one) => one.hears()));
  await direct.become('rtt=40ms', 'rtt=40ms');
  await Promise.all([far, near].map((one) => readsNothing(one)));
  for (const { page } of [far, near]) await expect(page.getByTestId('still')).toHaveCount(0);
  await Promise.all([far, near].map((one) => one.seesAndHears()));
});
