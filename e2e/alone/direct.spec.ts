import { desk, looksGood, phone } from '../support/looks.ts';
import { expect, test } from '../support/story.ts';
import { reads, readsNothing, seesStills } from '../support/weak.ts';

test.setTimeout(420_000);

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
