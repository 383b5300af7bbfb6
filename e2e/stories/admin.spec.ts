import { createHmac } from 'node:crypto';
import type { Page } from '@playwright/test';
import { desk, looksGood, phone } from '../support/looks.ts';
import type { Person } from '../support/person.ts';
import { readFromScreen } from '../support/qr.ts';
import { type Received, Receiver } from '../support/receiver.ts';
import { expect, test as base } from '../support/story.ts';

/** A server on this machine for texts, and as the target of webhooks. */
const test = base.extend<{ receiver: Receiver }>({
  receiver: async ({}, use) => {
    const receiver = await Receiver.start();
    await use(receiver);
    receiver.close();
  },
  settings: async ({ receiver }, use) => {
    await use({ allowInside: true, smsUrl: `${receiver.url}/texts?to={to}&text={text}` });
  },
});

async function manage(admin: Person, part?: string): Promise<void> {
  await admin.page.getByRole('link', { name: 'Manage', exact: true }).click();
  await expect(admin.page.getByRole('heading', { name: 'Administration' })).toBeVisible();
  const parts = admin.page.getByRole('navigation', { name: 'Administration' });
  if (part) await parts.getByRole('link', { name: part, exact: true }).click();
}

function link(page: Page, name: string): ReturnType<Page['getByRole']> {
  return page.getByRole('link', { name, exact: true });
}

test('an administrator makes a team, and a call to it rings whoever is in it', async ({ person }) => {
  const [admin, member, caller] = await Promise.all([person('admin', desk), person('expert1'), person('callertest1')]);
  const { page } = admin;
  await manage(admin);
  await expect(page.getByText('There are no teams yet.')).toBeVisible();
  await looksGood(page, 'desk-admin-empty');
  await link(page, 'Make a team').click();
  await admin.press('Save the team');
  await expect(page.getByText('The team needs a name.')).toBeVisible();
  await page.getByLabel('Name of the team').fill('Pumps');
  await page.getByLabel('Who else').selectOption(member.name);
  await admin.press('Add to the team');
  await page.getByLabel(`Skills and languages of ${member.name}`).fill('de, hydraulics');
  await admin.press('Save the team');
  const teams = page.getByRole('list', { name: 'Teams of your domain' });
  await expect(teams).toContainText('One person · All at once');

  await test.step('it can be called', async () => {
    await caller.page.reload();
    await caller.press('Call team Pumps');
    await expect(member.ringsFrom(caller)).toBeVisible();
    await member.press('Decline');
  });

  await test.step('how it is rung and when it works is set, and is there again', async () => {
    await link(page, 'Change Pumps').click();
    await expect(page.getByLabel(`Skills and languages of ${member.name}`)).toHaveValue('de, hydraulics');
    await page.getByLabel('Who else').selectOption('Tester');
    await admin.press('Add to the team');
    await admin.press('Move Tester up');
    await page.getByLabel('Who is rung').selectOption('One after another, in this order');
    await page.getByLabel('Seconds for each before the next').fill('30');
    await admin.press('Add hours');
    await page.getByLabel('On the clocks of').selectOption('Europe/Berlin');
    await page.getByLabel('A day on which nobody works').fill('2026-12-25');
    await admin.press('Add the day');
    await page.getByLabel('Given up after minutes (empty: never)').fill('90');
    await looksGood(page, 'desk-admin-team');
    await page.getByLabel('Name of the team').fill('Pumps and motors');
    await admin.press('Save the team');
    await expect(teams).toContainText('2 people · One after another');
    await page.reload();
    await link(page, 'Change Pumps and motors').click();
    const members = page.getByRole('list', { name: 'Who is in it' }).getByRole('listitem');
    await expect(members).toContainText(['Tester', member.name]);
    await expect(page.getByLabel('Seconds for each before the next')).toHaveValue('30');
    await expect(page.getByLabel('On the clocks of')).toHaveValue('Europe/Berlin');
    await expect(page.getByRole('list', { name: 'Days off' })).toContainText('2026');
    await expect(page.getByLabel('Given up after minutes (empty: never)')).toHaveValue('90');
  });

  await test.step('it is deleted only when asked twice', async () => {
    await admin.press('Delete the team');
    await admin.press('No, keep it');
    await admin.press('Delete the team');
    await looksGood(page, 'desk-admin-delete');
    await admin.press('Yes, delete it');
    await expect(page.getByText('There are no teams yet.')).toBeVisible();
  });
});

test('what a request that waits too long becomes is set, and teams that would go round in circles are refused', async ({
  person,
  api,
}) => {
  const maker = await api('admin');
  const night = (await maker.post('/admin/teams', { name: 'Night' })) as { id: number };
  await maker.post('/admin/teams', { name: 'Pumps', nextTeam: night.id });
  const admin = await person('admin', phone);
  const { page } = admin;
  await manage(admin);
  await looksGood(page, 'phone-admin-teams');
  await link(page, 'Change Night').click();
  await page.getByLabel('After a while they wait for another team, too').selectOption('Pumps');
  await page.getByLabel('After how many minutes').fill('5');
  await page.getByLabel('Who is called when nobody answers').selectOption('Pumps');
  await looksGood(page, 'phone-admin-team');
  await admin.press('Save the team');
  await expect(page.getByText('A team cannot come after itself.')).toBeVisible();
  await page.getByLabel('Who is called when nobody answers').selectOption('Nobody else');
  await admin.press('Save the team');
  await expect(link(page, 'Change Night')).toBeVisible();
  expect(await maker.get(`/admin/teams/${night.id}/queue`)).toMatchObject({ escalateSeconds: 300 });
});

test('a text that was refused is seen with the gateway’s words, and sent again', async ({ person, api, receiver }) => {
  const caller = await api('expert1');
  receiver.answer = { status: 400, body: 'this number is barred' };
  const text = (displayName: string, phoneNumber: string) => ({ displayName, phoneNumber, userDbId: null, userId: null });
  await caller.createCall({ callTitle: 'Pump 7', invitedContacts: [text('Gil', '+49123'), text('Sam', '+49456')] });
  const admin = await person('admin', desk);
  const { page } = admin;
  const letters = page.getByRole('list', { name: 'Messages that did not go out' }).getByRole('listitem');
  await expect.poll(async () => (await (await api('admin')).get('/admin/dead-letters')) as object[]).toHaveLength(2);
  await manage(admin, 'Undelivered messages');
  const gil = letters.filter({ hasText: 'Gil' });
  await expect(gil).toContainText('+49123');
  await expect(gil).toContainText('Text message: refused: 400: this number is barred');
  await expect(gil).toContainText('Pump 7');
  await looksGood(page, 'desk-admin-messages');
  await page.setViewportSize(phone.viewport);
  await looksGood(page, 'phone-admin-messages');

  receiver.answer = { status: 202, body: 'taken' };
  const texts = () => receiver.received.map(({ url }) => new URL(url, receiver.url).searchParams.get('to')).sort();
  await admin.press('Send to Gil again');
  await expect(page.getByText('On its way to Gil.')).toBeVisible();
  await expect(gil).toContainText('Sent again');
  await expect.poll(texts).toEqual(['+49123', '+49123', '+49456']);
  await admin.press('Send to Sam again');
  await expect.poll(texts).toEqual(['+49123', '+49123', '+49456', '+49456']);
  await expect(page.getByRole('button', { name: /again$/ })).toHaveCount(0);
});

/** As the one who receives it checks it. */
function isSigned({ headers, body }: Received, secret: string): boolean {
  const key = Buffer.from(secret.replace('whsec_', ''), 'base64');
  const signed = `${headers['webhook-id']}.${headers['webhook-timestamp']}.${body}`;
  const signature = createHmac('sha256', key).update(signed).digest('base64');
  return String(headers['webhook-signature']).split(' ').includes(`v1,${signature}`);
}

test('a webhook is made, gets what happens, and what it did not take is sent again', async ({
  person,
  api,
  receiver,
}) => {
  const [admin, caller] = await Promise.all([person('admin', desk), api('expert1')]);
  const { page } = admin;
  await manage(admin, 'Webhooks');
  await page.getByLabel('Address (https://…)').fill('https://10.0.0.1/hook');
  await admin.press('Make the webhook');
  await expect(page.getByText('This address cannot be used.')).toBeVisible();
  await page.getByLabel('Address (https://…)').fill(`${receiver.url}/events`);
  await page.getByLabel('What it is for').fill('Tickets');
  await page.getByLabel('Only these events (empty: all)').fill('call.created');
  await admin.press('Make the webhook');
  const secret = await page.getByTestId('webhook-secret').inputValue();
  expect(secret).toMatch(/^whsec_/);
  await looksGood(page, 'desk-admin-webhook');

  const { callId } = await caller.createCall({ callTitle: 'Pump 7' });
  await expect.poll(() => receiver.received.length).toBe(1);
  const [event] = receiver.received;
  expect(JSON.parse(event?.body ?? '')).toMatchObject({ type: 'call.created', data: { callId } });
  expect(event && isSigned(event, secret), 'signed with the secret that was shown').toBe(true);
  await admin.press('Look again');
  await expect(page.getByRole('list', { name: 'What was sent last' })).toContainText('call.created: taken');

  await test.step('the secret is shown only once', async () => {
    await link(page, 'Back to the webhooks').click();
    await expect(page.getByText('Events are sent.')).toBeVisible();
    await page.setViewportSize(phone.viewport);
    await looksGood(page, 'phone-admin-webhooks');
    await link(page, 'Open Tickets').click();
    await expect(page.getByRole('button', { name: 'Make a new secret' })).toBeVisible();
    await expect(page.getByTestId('webhook-secret')).toHaveCount(0);
    await looksGood(page, 'phone-admin-webhook');
  });

  await test.step('a test, and a new secret', async () => {
    receiver.answer = { status: 500, body: '' };
    await admin.press('Send a test');
    await expect(page.getByText('The test was not taken')).toBeVisible();
    receiver.answer = { status: 204, body: '' };
    await admin.press('Send a test');
    await expect(page.getByText('The test was taken.')).toBeVisible();
    await admin.press('Make a new secret');
    await admin.press('Yes, make a new one');
    await expect(page.getByTestId('webhook-secret')).not.toHaveValue(secret);
  });

  await test.step('what it refuses for good is given up, and goes out again by hand', async () => {
    receiver.answer = { status: 410, body: '' };
    await caller.createCall({ callTitle: 'Pump 8' });
    const known = await api('admin');
    await expect.poll(async () => (await known.get('/admin/webhooks')) as object[]).toMatchObject([{ enabled: false }]);
    await admin.press('Look again');
    const standing = page.getByTestId('webhook-standing');
    await expect(standing).toHaveText('Disabled: nothing is sent. Why: it answered 410: gone');
    await expect(page.getByRole('list', { name: 'One message was given up' })).toContainText('call.created: given up');
    await admin.press('Enable it');
    await expect(standing).toHaveText('Events are sent.');
    receiver.answer = { status: 200, body: '' };
    const before = receiver.received.length;
    await admin.press('Send message 1 again');
    await expect.poll(() => receiver.received.length).toBe(before + 1);
    await admin.press('Disable it');
    await admin.press('Yes, disable it');
    await expect(standing).toHaveText('Disabled: nothing is sent.');
  });

  await admin.press('Delete this webhook');
  await admin.press('Yes, delete it');
  await expect(page.getByText('There are no webhooks yet.')).toBeVisible();
});

test('whoever is no administrator sees nothing of it, and is refused', async ({ person }) => {
  const { page } = await person('expert1');
  await expect(link(page, 'Call history')).toBeVisible();
  await expect(link(page, 'Manage')).toHaveCount(0);
  await page.goto('/administration/webhooks');
  await expect(page.getByText('You are not allowed to do that.')).toBeVisible();
  await expect(link(page, 'Teams')).toHaveCount(0);
  const asked = await page.evaluate(async () => {
    const ask = async (path: string, init?: RequestInit) => (await fetch(path, init)).status;
    return Promise.all([
      ask('/admin/teams'),
      ask('/admin/teams', { method: 'POST', body: '{"name":"Mine"}' }),
      ask('/admin/dead-letters'),
      ask('/admin/webhooks'),
    ]);
  });
  expect(asked).toEqual([403, 403, 403, 403]);
});

test('a link for a machine is made, printed as a QR code, and taken back', async ({ person, api }) => {
  const team = (await (await api('admin')).post('/admin/teams', { name: 'Pumps' })) as { id: number };
  const admin = await person('admin', desk);
  const { page } = admin;
  await manage(admin, 'Links on machines');
  await expect(page.getByText('There are no links yet.')).toBeVisible();
  await link(page, 'Make a link').click();
  await page.getByLabel('What it is for, such as the machine').fill('Press 4');
  await admin.press('Save the link');
  await expect(page.getByText('Choose a team that is asked.')).toBeVisible();
  await page.getByLabel('Pumps').check();
  await admin.press('Add a field');
  await page.getByLabel('Field 1', { exact: true }).fill('Machine');
  await page.getByLabel('Text of field 1').fill('P-4');
  await admin.press('Save the link');

  const sheet = page.getByTestId('sheet');
  await expect(sheet).toContainText('Press 4');
  const known = async () => ((await (await api('admin')).get('/admin/requestLinks')) as { link: string; fields: object[] }[])[0];
  const first = await known();
  expect(first?.fields).toEqual([{ name: 'Machine', value: 'P-4' }]);
  expect(await readFromScreen(page), 'the QR code').toBe(first?.link);
  await looksGood(page, 'desk-admin-link');
  await page.setViewportSize(phone.viewport);
  await looksGood(page, 'phone-admin-link');
  await page.setViewportSize(desk.viewport);

  await test.step('on paper there is the sheet and nothing else', async () => {
    await page.emulateMedia({ media: 'print' });
    await expect(sheet.getByTestId('qr-code')).toBeVisible();
    await expect(page.getByRole('heading', { name: 'Administration' })).toBeHidden();
    await expect(admin.button('Print')).toBeHidden();
    expect(await readFromScreen(page), 'the QR code on paper').toBe(first?.link);
    await page.screenshot({ path: new URL('../results/looks/paper-admin-link.png', import.meta.url).pathname });
    await page.emulateMedia({ media: null });
  });

  await test.step('changed, what is printed stays good; with a new code it does not', async () => {
    await page.getByLabel('Title of the calls (empty: the name)').fill('Press 4 stands still');
    await admin.press('Save the link');
    await expect(page.getByText('Saved.')).toBeVisible();
    expect((await known())?.link).toBe(first?.link);
    await admin.press('Make a new code');
    await admin.press('Yes, make a new one');
    await expect(page.getByText('This is the new code. Print it again.')).toBeVisible();
    expect((await known())?.link).not.toBe(first?.link);
    // From below, the page's head would lie over it.
    await page.evaluate(() => scrollTo(0, 0));
    expect(await readFromScreen(page)).toBe((await known())?.link);
  });

  await admin.press('Disable it');
  await expect(page.getByTestId('link-standing')).toHaveText('Disabled: nobody can ask for help by it.');
  await link(page, 'Back to the links').click();
  await expect(page.getByRole('list', { name: 'Links by which anybody asks for help' })).toContainText('Disabled');
  await looksGood(page, 'desk-admin-links');
  await link(page, 'Open Press 4').click();
  await expect(page.getByLabel('Title of the calls (empty: the name)')).toHaveValue('Press 4 stands still');
  await expect(page.getByLabel('Pumps')).toBeChecked();
  await admin.press('Delete this link');
  await admin.press('Yes, delete it');
  await expect(page.getByText('There are no links yet.')).toBeVisible();
  expect(team.id, 'the team stays').toBe(((await (await api('admin')).get('/admin/teams')) as { id: number }[])[0]?.id);
});
