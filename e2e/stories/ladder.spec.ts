import { Api } from '../support/api.ts';
import { conference, talking } from '../support/calls.ts';
import { looksGood, phone } from '../support/looks.ts';
import type { Person } from '../support/person.ts';
import { expect, test } from '../support/story.ts';

const STILLS = { kbitPerSecond: 62 };

/** Several pictures come, each newer than the last. */
async function seesStillsOf(viewer: Person, count: number): Promise<void> {
  const stills = viewer.page.getByTestId('still');
  await expect(stills).toHaveCount(count, { timeout: 30_000 });
  const still = stills.first();
  const size = await still.evaluate((image: HTMLImageElement) => image.decode().then(() => image.naturalHeight));
  expect(size, 'the camera’s whole picture').toBe(180);
  await expect(viewer.page.getByText(/^Picture taken \d+ s ago$/).first()).toBeVisible();
  const first = await still.getAttribute('src');
  await expect(still).not.toHaveAttribute('src', first ?? '', { timeout: 30_000 });
}

for (const [size, look] of Object.entries({ phone, desk: {} })) {
  test(`a small budget leaves pictures instead of video on a ${size}, and video comes back with it`, async ({
    server,
    person,
    api,
  }) => {
    const admin = await Api.login(server.url, 'admin');
    const { caller, callee } = await talking(person, api, look);
    const { user } = await api('expert2');
    await admin.change(`/admin/users/${user.userDbId}`, { dataBudget: STILLS });
    const words = caller.page.getByTestId('shortage');
    for (const { page } of [caller, callee])
      await expect(page.getByTestId('shortage')).toHaveText('The data budget of this call: pictures instead of video', {
        timeout: 20_000,
      });
    await Promise.all([seesStillsOf(caller, 1), seesStillsOf(callee, 1)]);
    await Promise.all([caller.hears(), callee.hears()]);
    await looksGood(caller.page, `${size}-stills`);

    await admin.change(`/admin/users/${user.userDbId}`, { dataBudget: null });
    await expect(words).toHaveCount(0, { timeout: 20_000 });
    await expect(caller.page.getByTestId('still')).toHaveCount(0);
    await Promise.all([caller.seesAndHears(), callee.seesAndHears()]);
    for (const one of [caller, callee]) expect((await one.received()).connections, 'connections').toBe(1);
  });
}

test('in a call of three the budget of one changes nothing for the others', async ({ server, person, api }) => {
  const admin = await Api.login(server.url, 'admin');
  const { people } = await conference(person, api);
  const [first, second, third] = people;
  const { user } = await api('callertest1');
  await admin.change(`/admin/users/${user.userDbId}`, { dataBudget: STILLS });
  // The sounds of both others take all of it.
  await expect(third.page.getByTestId('shortage')).toHaveText('The data budget of this call: sound only', {
    timeout: 20_000,
  });
  for (const [one, other] of [
    [first, second],
    [second, first],
  ] as const) {
    await expect(one.page.getByTestId('shortage')).toHaveText(`${third.name}’s data budget: sound only`);
    await seesStillsOf(one, 1);
    await one.shows(one.page.getByLabel(`Video of ${other.name}`, { exact: true }));
  }
  await third.hears();
  await looksGood(first.page, 'desk-stills-of-many');
  await admin.change(`/admin/users/${user.userDbId}`, { dataBudget: null });
  for (const one of people) await expect(one.page.getByTestId('still')).toHaveCount(0, { timeout: 30_000 });
  await Promise.all(people.map((one) => one.seesAndHearsAll(2)));
});
