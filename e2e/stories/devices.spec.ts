import { talking } from '../support/calls.ts';
import { expect, test } from '../support/story.ts';

test('two devices of one person ring, one answers, the other takes the call over', async ({ person, api }) => {
  const [caller, desk, phone, log] = await Promise.all([
    person('expert1'),
    person('expert2'),
    person('expert2'),
    api('expert1'),
  ]);
  await caller.call(desk);

  await test.step('both ring, one answers, the other falls silent', async () => {
    await expect(desk.ringsFrom(caller)).toBeVisible();
    await expect(phone.ringsFrom(caller)).toBeVisible();
    await desk.answer(caller);
    await expect(phone.ring).toBeHidden();
    await Promise.all([caller.seesAndHears(), desk.seesAndHears()]);
  });

  const { callId, callTitle } = await log.onlyCall();
  const story = ['Created expert1', 'Join expert1', 'Join expert2'];
  await log.tells(callId, story, 'Started');

  await test.step('the second device takes the call over', async () => {
    await phone.press(`Continue ${callTitle} here`);
    await expect(desk.page.getByRole('heading', { name: 'The call has moved to another device' })).toBeVisible();
    await Promise.all([caller.connected(), phone.connected()]);
    await Promise.all([caller.seesAndHears(), phone.seesAndHears()]);
  });

  await test.step('and the first takes it back', async () => {
    await desk.press('Continue the call here');
    await expect(phone.page.getByRole('heading', { name: 'The call has moved to another device' })).toBeVisible();
    await Promise.all([caller.seesAndHears(), desk.seesAndHears()]);
  });

  await log.tells(callId, story, 'Started');
});

test('declining on one device silences the other', async ({ person }) => {
  const [caller, desk, phone] = await Promise.all([person('expert1'), person('expert2'), person('expert2')]);
  await caller.call(desk);
  await expect(desk.ringsFrom(caller)).toBeVisible();
  await phone.ringsFrom(caller).getByRole('button', { name: 'Decline', exact: true }).click();
  await expect(desk.ring).toBeHidden();
  await caller.endedBecause(`${desk.name} declined the call.`);
});

test('a page that is reloaded in mid-call comes back into it', async ({ person, api }) => {
  const { caller, callee, api: log, callId } = await talking(person, api);
  for (const [reloaded, other] of [
    [caller, callee],
    [callee, caller],
  ] as const) {
    await reloaded.page.reload();
    await reloaded.inCallWith(other);
    await Promise.all([caller.connected(), callee.connected()]);
    await Promise.all([caller.seesAndHears(), callee.seesAndHears()]);
  }
  await log.tells(callId, ['Created expert1', 'Join expert1', 'Join expert2'], 'Started');
});

test.describe('a connection that stays away', () => {
  test.use({ settings: { seatSeconds: 2 } });

  test('a page that is closed leaves the call once its seat is held no longer', async ({ person, api }) => {
    const { caller, callee, api: log, callId } = await talking(person, api);
    await callee.context.close();
    await expect(caller.connection).toHaveText(`${callee.name} left the call`);
    await log.tells(callId, ['Created expert1', 'Join expert1', 'Join expert2', 'Leave expert2'], 'Started');
    await caller.press('Hang up');
    await caller.endedBecause('You hung up.');
  });
});
