import type { Page } from '@playwright/test';
import type { Api } from '../support/api.ts';
import { desk, looksGood, phone } from '../support/looks.ts';
import type { Person } from '../support/person.ts';
import { lookAt, printed, readFromScreen } from '../support/qr.ts';
import { expect, test } from '../support/story.ts';

interface RequestLink {
  id: number;
  path: string;
  link: string;
}

/** The link of a press, which asks a team of one expert. */
async function machine(api: (userId: string) => Promise<Api>): Promise<{ admin: Api; link: RequestLink }> {
  const admin = await api('admin');
  await admin.createTeam('Pumps', [(await api('expert1')).user]);
  const fields = [{ name: 'Machine', value: '4711' }, { name: 'Error code' }];
  const teams = [{ name: 'Pumps', tags: ['hydraulics'] }];
  const link = (await admin.post('/admin/requestLinks', { name: 'Press 4', fields, teams })) as RequestLink;
  return { admin, link };
}

async function ask(visitor: Person, name: string): Promise<void> {
  await visitor.page.getByRole('textbox', { name: 'Your name' }).fill(name);
  await visitor.page.getByRole('textbox', { name: 'Error code' }).fill('E 7');
  await visitor.page.getByRole('textbox', { name: 'What is wrong?' }).fill('Oil drips from the left side');
  await visitor.press('Send and wait for help');
  await expect(place(visitor.page)).toContainText('Place');
}

const place = (page: Page) => page.getByTestId('request-place');

test('whoever stands at a machine asks for help by its link, waits through a reload and a restart, and is helped', async ({
  person,
  stranger,
  api,
  server,
}) => {
  const { admin, link } = await machine(api);
  const [expert, visitor] = await Promise.all([person('expert1'), stranger('vera')]);

  await test.step('a robot that fetches the address finds nothing and begins nothing', async () => {
    expect(await (await fetch(link.link)).text()).not.toContain('Press 4');
    expect(await admin.calls()).toEqual([]);
  });

  await test.step('the page says which machine it is, and wants a name', async () => {
    await visitor.page.goto(link.path);
    await expect(visitor.page.getByTestId('machine')).toHaveText('Press 4');
    await expect(visitor.page.getByText('4711')).toBeVisible();
    await visitor.press('Send and wait for help');
    await expect(visitor.page.getByRole('alert')).toHaveText('Enter your name, so that they know who asks.');
    await ask(visitor, 'Vera');
    await expect(place(visitor.page)).toHaveText(/Place 1 of 1\./);
    await expect(visitor.page).toHaveURL(/\/join#fhg_/);
  });

  await test.step('the expert sees who asks, what for, and what is wanted', async () => {
    const details = expert.page.getByTestId('request-details');
    await expect(details).toContainText('Oil drips from the left side');
    for (const told of ['Press 4', '4711', 'E 7']) await expect(details).toContainText(told);
    await expect(expert.page.getByText('Wanted: hydraulics')).toBeVisible();
  });

  await visitor.page.reload();
  await expect(place(visitor.page)).toContainText('Place 1 of 1.');
  await server.stop('SIGKILL');
  await server.run();
  await expect(expert.button('Help Vera')).toBeVisible();
  await expect(place(visitor.page)).toContainText('Place 1 of 1.');

  await expert.press('Help Vera');
  await expect(visitor.page.getByTestId('guest-state')).toContainText(`${expert.name}`);
  await visitor.press('Join with video');
  await Promise.all([visitor.seesAndHears(), expert.seesAndHears()]);
  await expect(expert.page.getByTestId('request-details')).toContainText('Oil drips from the left side');
  await visitor.press('Hang up');
  await expect(visitor.page.getByRole('heading', { name: 'Call ended', exact: true })).toBeVisible();
  await expert.press('Show this call’s story');
  await expect(expert.page.getByText('Vera asked for help by the link “Press 4”.')).toBeVisible();
  expect(server.log, 'nothing of a link in the log').not.toMatch(/fh[gs]_/);
});

test('a request can be taken back, and what is wrong with a link is said', async ({ stranger, api }) => {
  const { admin, link } = await machine(api);
  const visitor = await stranger('vera');
  const trouble = visitor.page.getByTestId('guest-trouble');
  await visitor.page.goto(link.path);
  await ask(visitor, 'Vera');
  await visitor.press('Take the request back');
  await expect(trouble).toHaveText('You took your request back.');
  expect(await admin.events((await admin.onlyCall()).callId)).toEqual(['Created null', 'Ended null']);

  await admin.change(`/admin/requestLinks/${link.id}`, { enabled: false });
  await visitor.page.goto(link.path);
  await expect(trouble).toHaveText('Nobody takes requests from here at the moment.');
  await admin.change(`/admin/requestLinks/${link.id}`, { enabled: true, mostHourly: 1 });
  await visitor.press('Try again');
  await visitor.page.getByRole('textbox', { name: 'Your name' }).fill('Vera');
  await visitor.press('Send and wait for help');
  await expect(visitor.page.getByTestId('machine-wrong')).toContainText('Too many have asked for help. Try again in 60 minutes.');
  const revoked = (await admin.post(`/admin/requestLinks/${link.id}/revoke`, {})) as RequestLink;
  await visitor.page.reload();
  await expect(trouble).toContainText('This link leads nowhere');
  expect(revoked.path).not.toBe(link.path);
});

test('a QR code on a machine is read by the camera of the page where codes are typed', async ({ stranger, api }) => {
  const { link } = await machine(api);
  const visitor = await stranger('vera');
  const sticker = await visitor.context.newPage();
  const code = await printed(sticker, link.link);
  expect(await readFromScreen(sticker)).toBe(link.link);
  await visitor.page.goto('/join');
  await lookAt(visitor.page, code);
  await visitor.press('Scan a QR code');
  await expect(visitor.page.getByTestId('machine')).toHaveText('Press 4');
});

for (const [size, look] of Object.entries({ phone, desk })) {
  test(`what is seen at a machine on a ${size}`, async ({ person, stranger, api }) => {
    const { link } = await machine(api);
    const [expert, visitor] = await Promise.all([person('expert1', look), stranger('vera', look)]);
    await visitor.page.goto(link.path);
    await expect(visitor.page.getByTestId('machine')).toBeVisible();
    await looksGood(visitor.page, `${size}-machine-form`);
    await ask(visitor, 'Vera of Example & Sons');
    await looksGood(visitor.page, `${size}-machine-waiting`);
    await expect(expert.page.getByTestId('request-details')).toBeVisible();
    await looksGood(expert.page, `${size}-machine-queue`);
    await expert.press('Help Vera of Example & Sons');
    await expect(visitor.button('Join with video')).toBeVisible();
    await looksGood(visitor.page, `${size}-machine-rung`);
    await visitor.press('Join with video');
    await visitor.seesAndHears();
    await looksGood(expert.page, `${size}-machine-call`);
  });
}
