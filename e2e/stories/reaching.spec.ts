import { desk, looksGood, phone } from '../support/looks.ts';
import type { Person } from '../support/person.ts';
import { expect, test } from '../support/story.ts';

async function toSettings(someone: Person): Promise<void> {
  await someone.page.getByRole('link', { name: 'Reaching me', exact: true }).click();
  await expect(someone.page.getByRole('heading', { name: 'Do not disturb' })).toBeVisible();
}

const state = (caller: Person) => caller.page.getByTestId('connection-state');

test('whoever is not to be disturbed hears nothing, the caller reads why, and both talk all the same', async ({
  person,
}) => {
  const [caller, callee] = await Promise.all([person('expert1'), person('expert2')]);
  await toSettings(callee);
  await callee.press('For an hour');
  await expect(callee.page.getByTestId('dnd')).toContainText('On until');

  await caller.call(callee);
  await expect(state(caller)).toContainText('does not want to be disturbed');
  const waiting = callee.page.getByRole('region', { name: 'Waiting calls' });
  await expect(waiting).toContainText(caller.name);
  await expect(callee.page.getByRole('alertdialog'), 'nothing pops up').toHaveCount(0);

  await test.step('allowed again while it rings, it pops up, and the caller reads that it is seen', async () => {
    await callee.press('I may be disturbed again');
    await expect(callee.page.getByRole('alertdialog')).toBeVisible();
    await expect(state(caller)).toContainText('sees your call');
  });
  await callee.page.getByRole('button', { name: 'Answer with video' }).click();
  await Promise.all([caller.seesAndHearsAll(1), callee.seesAndHearsAll(1)]);
});

test('whoever is in another call is shown to be, and may change over', async ({ person }) => {
  const [caller, callee, third] = await Promise.all([person('expert1'), person('expert2'), person('tester')]);
  await third.call(callee);
  await callee.page.getByRole('button', { name: 'Answer with video' }).click();
  await third.seesAndHearsAll(1);
  await caller.call(callee);
  await expect(state(caller)).toContainText('is in another call');
  await callee.press(`Leave this call and answer ${caller.name}`);
  await Promise.all([caller.seesAndHearsAll(1), callee.seesAndHearsAll(1)]);
});

test('quiet hours and what follows an unanswered ring are set, and are there again', async ({ person, api }) => {
  const someone = await person('expert1', { timezoneId: 'Europe/Berlin' });
  await toSettings(someone);
  const { page } = someone;
  await someone.press('Add hours');
  await page.getByRole('group', { name: 'Days, row 1' }).getByLabel('Sun').uncheck();
  await page.getByLabel('From (1)').fill('');
  const hours = page.getByRole('region', { name: 'Quiet hours' });
  await page.getByRole('button', { name: 'Save quiet hours' }).click();
  await expect(page.getByRole('alert')).toHaveText('Each row needs a day and both times.');
  await page.getByLabel('From (1)').fill('21:30');
  await page.getByRole('button', { name: 'Save quiet hours' }).click();
  await expect(page.getByRole('status').filter({ hasText: 'Saved.' })).toBeVisible();
  const rungs = page.getByRole('region', { name: 'When I do not answer here' });
  await rungs.getByLabel('As I want it').check();
  await rungs.getByLabel(/An e-mail to/).uncheck();
  await rungs.getByLabel('Text after seconds').fill('40');
  await page.getByRole('button', { name: 'Save what follows' }).click();
  await expect(page.getByRole('status').filter({ hasText: 'Saved.' })).toBeVisible();

  await page.getByLabel('Language').selectOption('Deutsch (German)');
  await page.getByRole('button', { name: 'Save language' }).click();
  await expect(page.getByRole('status').filter({ hasText: 'Saved.' })).toBeVisible();

  const { own } = (await (await api('expert1')).get('/rtc/getReachSettings')) as {
    own: { quietHours: { timeZone: string; spans: { days: string[]; from: string; to: string }[] }; rungs: object[]; language: string };
  };
  expect(own.language).toBe('de');
  expect(own.quietHours.timeZone).toBe('Europe/Berlin');
  expect(own.quietHours.spans[0]).toMatchObject({ from: '21:30', to: '06:00' });
  expect(own.quietHours.spans[0]?.days).not.toContain('sunday');
  expect(own.rungs).toContainEqual({ channel: 'sms', address: 'stored', afterSeconds: 40 });
  expect(own.rungs).not.toContainEqual(expect.objectContaining({ channel: 'email', address: 'stored' }));
  await page.reload();
  await expect(page.getByLabel('Language')).toHaveValue('de');
  await expect(page.getByLabel('From (1)')).toHaveValue('21:30');
  await expect(rungs.getByLabel('As I want it')).toBeChecked();
  await someone.press('Remove row 1');
  await page.getByRole('button', { name: 'Save quiet hours' }).click();
  await expect(hours).toContainText('There are none.');
});

for (const [where, look] of [
  ['a desk', desk],
  ['a phone', phone],
] as const) {
  test(`how one is reached looks good on ${where}`, async ({ person }) => {
    const someone = await person('expert1', look);
    await toSettings(someone);
    await someone.press('Add hours');
    await someone.press('For 30 minutes');
    await expect(someone.page.getByTestId('dnd')).toContainText('On until');
    await looksGood(someone.page, `reaching-${where === 'a desk' ? 'desk' : 'phone'}`);
  });
}

test('somebody without an account is called from the contacts, and comes by the copied link', async ({
  person,
  stranger,
  api,
}) => {
  const [host, log] = await Promise.all([person('expert1'), api('expert1')]);
  await host.press('Somebody without an account');
  await host.press('Call this guest');
  await expect(host.page.getByText('Enter an e-mail address or a mobile number.')).toBeVisible();
  await host.page.getByLabel('Name').fill('Gil');
  await host.page.getByLabel('E-mail address or mobile number').fill('gil@example.org');
  await host.page.getByLabel('Language of the message').selectOption('Deutsch (German)');
  await host.press('Call this guest');
  await expect(state(host)).toContainText('Gil');
  const { callId, invitedContacts } = await log.onlyCall();
  expect(invitedContacts[0]).toMatchObject({ email: 'gil@example.org', language: 'de' });
  const guest = await stranger('gil');
  await guest.page.goto(await log.guestLink(callId, invitedContacts[0]?.id ?? 0));
  await guest.press('Join with video');
  await Promise.all([guest.seesAndHearsAll(1), host.seesAndHearsAll(1)]);
});
