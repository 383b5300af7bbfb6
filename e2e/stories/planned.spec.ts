import type { Locator, Page } from '@playwright/test';
import { desk, looksGood, phone } from '../support/looks.ts';
import type { Person } from '../support/person.ts';
import { expect, test } from '../support/story.ts';

const BERLIN = { timezoneId: 'Europe/Berlin' };
const KOLKATA = { timezoneId: 'Asia/Kolkata' };

/** The next day on which the clocks of Berlin skip half past two, such as `2027-03-28`. */
function nextSummer(): string {
  const now = new Date();
  const lastSunday = (year: number) => {
    const end = new Date(Date.UTC(year, 2, 31));
    return new Date(Date.UTC(year, 2, 31 - end.getUTCDay()));
  };
  const year = now.getUTCFullYear();
  const coming = [year, year + 1].map(lastSunday).find((day) => day.getTime() > now.getTime());
  return (coming ?? now).toISOString().slice(0, 10);
}

async function toPlanned(someone: Person): Promise<void> {
  await someone.page.getByRole('link', { name: 'Planned calls', exact: true }).click();
}

function calls(someone: Person): Locator {
  return someone.page.getByRole('list', { name: 'Planned calls' }).getByRole('listitem');
}

async function plan(someone: Person, title: string, time: string): Promise<void> {
  await someone.page.getByRole('link', { name: 'Plan a call', exact: true }).click();
  await someone.page.getByLabel('Title').fill(title);
  await someone.page.getByLabel('Date').fill(nextSummer());
  await someone.page.getByLabel('Time', { exact: true }).fill(time);
}

test('a call is planned, seen by the other in her own time, moved and cancelled', async ({ person, api }) => {
  const [log, admin, tester] = await Promise.all([api('expert1'), api('admin'), api('tester')]);
  await admin.createTeam('Night shift', [tester.user]);
  const [planner, other] = await Promise.all([person('expert1', BERLIN), person('expert2', KOLKATA)]);
  await Promise.all([toPlanned(planner), toPlanned(other)]);
  await expect(other.page.getByText('No calls are planned.')).toBeVisible();

  await plan(planner, 'Pump 7', '02:30');
  const wrong = planner.page.getByRole('alert');
  await expect(wrong).toContainText('There is no such time');
  await expect(wrong).toContainText('03:30');
  await planner.page.getByLabel(other.name).check();
  await planner.page.getByLabel('Team Night shift').check();
  await planner.press('Plan it');
  await expect(planner.page.getByRole('heading', { name: 'Plan a call' }), 'not sent').toBeVisible();
  await planner.page.getByLabel('Time', { exact: true }).fill('09:30');
  await expect(wrong).toHaveText('');
  await planner.press('Plan it');

  // Nine thirty in Berlin's summer is one in the afternoon in Kolkata.
  await expect(calls(planner)).toContainText(/09:30.*Pump 7/s);
  await expect(calls(planner), 'her own zone goes without saying').not.toContainText('Europe/Berlin');
  await expect(calls(other)).toContainText(/01:00 PM.*09:30 AM in Europe\/Berlin.*Pump 7/s);
  await expect(calls(other)).toContainText(`With ${planner.name}, ${tester.user.displayName}`);
  await expect(other.page.getByRole('link', { name: 'Change Pump 7' }), 'not hers').toHaveCount(0);

  await planner.page.getByRole('link', { name: 'Change Pump 7' }).click();
  await expect(planner.page.getByLabel('Time', { exact: true })).toHaveValue('09:30');
  await planner.page.getByLabel('Title').fill('Pump 8');
  await planner.page.getByLabel('Time', { exact: true }).fill('10:15');
  await planner.press('Save');
  await expect(calls(other)).toContainText(/01:45 PM.*10:15 AM in Europe\/Berlin.*Pump 8/s);

  await planner.page.getByRole('link', { name: 'Change Pump 8' }).click();
  await planner.press('Cancel this call');
  await planner.press('No, keep it');
  await planner.press('Cancel this call');
  await planner.press('Yes, cancel it');
  await expect(planner.page.getByText('No calls are planned.')).toBeVisible();
  await expect(other.page.getByText('No calls are planned.')).toBeVisible();
  const { callId } = await log.onlyCall();
  await log.tells(callId, ['Created expert1', 'Ended expert1'], 'Ended');
  await other.page.getByRole('link', { name: 'Call history' }).click();
  await expect(other.page.getByRole('main')).toContainText('Cancelled');
});

test('a time that comes twice is asked about, and what was chosen is remembered', async ({ person }) => {
  const planner = await person('expert1', BERLIN);
  await toPlanned(planner);
  await plan(planner, 'At night', '02:30');
  const autumn = new Date(Date.UTC(Number(nextSummer().slice(0, 4)), 9, 31));
  autumn.setUTCDate(31 - autumn.getUTCDay());
  await planner.page.getByLabel('Date').fill(autumn.toISOString().slice(0, 10));
  await planner.press('Plan it');
  await expect(planner.page.getByRole('alert')).toHaveText('Choose which of the two times it is.');
  await planner.page.getByLabel('The second 02:30 (UTC+01:00)').check();
  await planner.press('Plan it');
  await planner.page.getByRole('link', { name: 'Change At night' }).click();
  await expect(planner.page.getByLabel('The second 02:30 (UTC+01:00)')).toBeChecked();
});

/** Goes there as somebody without a mouse does. */
async function tabTo(page: Page, control: Locator): Promise<void> {
  for (let presses = 0; presses < 80; presses += 1) {
    if (await control.evaluate((element) => element === document.activeElement)) return;
    await page.keyboard.press('Tab');
  }
  throw new Error(`${control} cannot be reached with the keyboard`);
}

test('a call is planned and cancelled with the keyboard alone', async ({ person }) => {
  const planner = await person('expert1', BERLIN);
  const { page } = planner;
  const press = async (control: Locator, key: string) => {
    await tabTo(page, control);
    await page.keyboard.press(key);
  };
  await press(page.getByRole('link', { name: 'Planned calls', exact: true }), 'Enter');
  await press(page.getByRole('link', { name: 'Plan a call', exact: true }), 'Enter');
  await tabTo(page, page.getByLabel('Title'));
  await page.keyboard.type('By hand');
  await tabTo(page, page.getByLabel('Date'));
  const [year, month, day] = nextSummer().split('-');
  await page.keyboard.type(`${month}${day}${year}`);
  await tabTo(page, page.getByLabel('Time zone'));
  await page.keyboard.type('America/New');
  await expect(page.getByLabel('Time zone')).toHaveValue('America/New_York');
  await press(page.getByLabel('Expert 2'), 'Space');
  await press(planner.button('Plan it'), 'Enter');
  await expect(calls(planner)).toContainText(/in America\/New York.*By hand.*With Expert 2/s);
  await press(page.getByRole('link', { name: 'Change By hand' }), 'Enter');
  await press(planner.button('Cancel this call'), 'Enter');
  await press(planner.button('Yes, cancel it'), 'Enter');
  await expect(page.getByText('No calls are planned.')).toBeVisible();
});

test('the calendar can be read by its link, until there is a new one', async ({ person }) => {
  const planner = await person('expert1', { ...BERLIN, permissions: ['clipboard-read', 'clipboard-write'] });
  await toPlanned(planner);
  await plan(planner, 'Pump 7', '09:30');
  await planner.press('Plan it');
  await expect(calls(planner)).toContainText('Pump 7');
  await planner.press('Show the link');
  const field = planner.page.getByLabel('Link to your calendar');
  const link = await field.inputValue();
  await planner.press('Copy link');
  await expect(planner.page.getByText('Copied.')).toBeVisible();
  expect(await planner.page.evaluate(() => navigator.clipboard.readText())).toBe(link);
  const feed = await fetch(link);
  expect(await feed.text()).toContain('SUMMARY:Pump 7');
  await planner.press('Make a new link');
  await expect(field).not.toHaveValue(link);
  expect((await fetch(link)).status).toBe(404);
  expect((await fetch(await field.inputValue())).status).toBe(200);
});

for (const [size, look] of Object.entries({ phone, desk })) {
  test(`planning a call looks good on a ${size}`, async ({ person, api }) => {
    const planner = await person('expert1', { ...look, ...KOLKATA });
    const { page } = planner;
    const plan = { callTitle: 'Yearly inspection of the press line', plannedTimeZone: 'Europe/Berlin' };
    const invitedContacts = [{ userId: 'expert2', domain: 'ubimax' }];
    await (await api('expert1')).createCall({ ...plan, plannedLocalTime: `${nextSummer()}T09:30`, invitedContacts });
    await toPlanned(planner);
    await planner.press('Show the link');
    await expect(page.getByLabel('Link to your calendar')).toBeVisible();
    await looksGood(page, `${size}-planned-own`);
    await page.getByRole('link', { name: 'Plan a call', exact: true }).click();
    await page.getByLabel('Title').fill('Pump 7');
    await page.getByLabel('Date').fill(nextSummer());
    await page.getByLabel('Time zone').selectOption('Europe/Berlin');
    await page.getByLabel('Time', { exact: true }).fill('02:30');
    await page.getByLabel('Expert 2').check();
    await looksGood(page, `${size}-plan`);
    await page.getByRole('link', { name: 'Back to planned calls' }).click();
    await page.getByRole('link', { name: 'Change Yearly inspection of the press line' }).click();
    await planner.press('Cancel this call');
    await looksGood(page, `${size}-plan-cancel`);
  });
}
