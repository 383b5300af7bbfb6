import { desk, looksGood, phone } from '../support/looks.ts';
import type { Person } from '../support/person.ts';
import { expect, test } from '../support/story.ts';

const next = (caller: Person) => caller.page.getByTestId('next');
const nextTeam = (caller: Person) => caller.page.getByTestId('next-team');

test('a team is rung one after another, then the next team, and the caller sees who comes', async ({ person, api }) => {
  const admin = await api('admin');
  const users = await Promise.all(['expert1', 'expert2', 'tester', 'callertest2'].map(async (id) => (await api(id)).user));
  const [first, second, third, away] = users.map(({ userDbId }) => userDbId);
  const night = (await admin.post('/admin/teams', { name: 'Night', members: [third] })) as { id: number };
  const ringing = { strategy: 'oneAfterAnother', seconds: 120 };
  await admin.post('/admin/teams', { name: 'Pumps', members: [away, first, second], ringing, nextTeam: night.id });
  const [one, other, last] = await Promise.all([person('expert1'), person('expert2'), person('tester')]);
  const caller = await person('callertest1', desk);

  await test.step('who of the team is there', async () => {
    const pumps = caller.page.getByRole('list', { name: 'Teams' }).getByRole('listitem').filter({ hasText: 'Pumps' });
    await expect(pumps).toContainText('2 of 3 there');
    await looksGood(caller.page, 'desk-teams');
  });
  await caller.press('Call team Pumps');
  await expect(one.ringsFrom(caller)).toBeVisible();
  await expect(caller.page.getByRole('region', { name: 'People in this call' })).toContainText('Did not answer');
  await expect(next(caller)).toHaveText(`Next: ${other.name}`);
  await expect(nextTeam(caller)).toHaveText('If nobody answers: team Night');
  await looksGood(caller.page, 'desk-team-ringing');
  expect(await other.ring.count(), 'not before the turn').toBe(0);

  await one.press('Decline');
  await expect(other.ringsFrom(caller)).toBeVisible();
  await expect(next(caller)).toHaveCount(0);
  await other.press('Decline');
  await expect(last.ringsFrom(caller)).toBeVisible();
  await expect(nextTeam(caller)).toHaveCount(0);
  await last.answer(caller);
  await Promise.all([caller.seesAndHears(), last.seesAndHears()]);

  await test.step('and the story tells it', async () => {
    await caller.press('Hang up');
    const [call] = await admin.calls();
    expect(call?.callHistory.map(({ type }) => type)).toContain('FallbackTeam');
    await caller.page.goto(`/history/${call?.callId}`);
    const story = caller.page.getByRole('list', { name: 'What happened' });
    await expect(story).toContainText('Nobody had answered: team Night was called.');
    await expect(story).toContainText('was not there. The next one was rung.');
  });
});

test('a team stands behind somebody who does not answer, and is added to a call that goes on', async ({ person, api }) => {
  const admin = await api('admin');
  const member = (await api('tester')).user.userDbId;
  await admin.post('/admin/teams', { name: 'Pumps', members: [member] });
  const [caller, callee, colleague] = await Promise.all([
    person('callertest1', phone),
    person('expert1', phone),
    person('tester'),
  ]);
  await callee.page.getByRole('link', { name: 'Reaching me', exact: true }).click();
  const rungs = callee.page.getByRole('region', { name: 'When I do not answer here' });
  await rungs.getByLabel('As I want it').check();
  await rungs.getByLabel('The next in a team').check();
  await rungs.getByLabel('Next in team after seconds').fill('300');
  await looksGood(callee.page, 'phone-team-behind');
  await rungs.getByRole('button', { name: 'Save what follows' }).click();
  await expect(callee.page.getByRole('status').filter({ hasText: 'Saved.' })).toBeVisible();

  await caller.call(callee);
  await expect(nextTeam(caller)).toHaveText('If nobody answers: team Pumps');
  await callee.press('Decline');
  await expect(colleague.ringsFrom(caller)).toBeVisible();
  await colleague.answer(caller);
  await Promise.all([caller.seesAndHears(), colleague.seesAndHears()]);
  await caller.press('Hang up');
  await caller.press('Back to contacts');

  await caller.call(callee);
  await callee.answer(caller);
  await Promise.all([caller.seesAndHears(), callee.seesAndHears()]);
  await caller.press('Add someone');
  await looksGood(caller.page, 'phone-add-team');
  await caller.press('Add team Pumps');
  await colleague.answer(caller);
  await Promise.all([caller, callee, colleague].map((one) => one.seesAndHearsAll(2)));
});
