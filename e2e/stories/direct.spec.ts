import { talking } from '../support/calls.ts';
import { expect, test } from '../support/story.ts';

test('a direct call from ringing to hanging up', async ({ person, api }) => {
  const [caller, callee, log] = await Promise.all([person('callertest1'), person('callertest2'), api('callertest1')]);
  await caller.call(callee);
  await expect(caller.connection).toHaveText(`${callee.name} sees your call…`);
  await callee.answer(caller);
  await Promise.all([caller.inCallWith(callee), callee.inCallWith(caller)]);
  await Promise.all([caller.connected(), callee.connected()]);
  await Promise.all([caller.seesAndHears(), callee.seesAndHears()]);

  const { callId, callType } = await log.onlyCall();
  expect(callType).toBe('MESH');
  await log.tells(callId, ['Created callertest1', 'Join callertest1', 'Join callertest2'], 'Started');

  await caller.press('Hang up');
  await caller.endedBecause('You hung up.');
  await callee.endedBecause('The call was hung up.');
  await callee.press('Back to contacts');
  await callee.ready();
});

test('answering without video sends sound only, until the camera is turned on', async ({ person }) => {
  const [caller, callee] = await Promise.all([person('expert1'), person('expert2')]);
  await caller.call(callee);
  await callee.answer(caller, 'without video');
  await Promise.all([caller.connected(), callee.connected()]);
  await expect(caller.page.getByText(`${callee.name} has the camera off`)).toBeVisible();
  await Promise.all([caller.hears(), callee.seesAndHears()]);

  await callee.press('Turn camera on');
  await expect(callee.button('Turn camera off')).toBeVisible();
  await expect(caller.page.getByText(`${callee.name} has the camera off`)).toBeHidden();
  await caller.sees();
});

test('mute and camera say what they will do, and the other side what was done', async ({ person, api }) => {
  const { caller, callee } = await talking(person, api);
  await caller.press('Mute microphone');
  await expect(caller.button('Unmute microphone')).toBeVisible();
  await expect(callee.page.getByText(`${caller.name} has muted the microphone`)).toBeVisible();
  await caller.press('Unmute microphone');
  await expect(caller.button('Mute microphone')).toBeVisible();
  await expect(callee.page.getByText(`${caller.name} has muted the microphone`)).toBeHidden();

  await caller.press('Turn camera off');
  await expect(caller.button('Turn camera on')).toBeVisible();
  await expect(caller.page.getByTestId('local-video')).toBeHidden();
  await expect(callee.page.getByText(`${caller.name} has the camera off`)).toBeVisible();
  await Promise.all([callee.hears(), caller.seesAndHears()]);
});

test('a call that is declined', async ({ person, api }) => {
  const [caller, callee, log] = await Promise.all([person('expert1'), person('expert2'), api('expert1')]);
  await caller.call(callee);
  await callee.ringsFrom(caller).getByRole('button', { name: 'Decline', exact: true }).click();
  await caller.endedBecause(`${callee.name} declined the call.`);
  await expect(callee.ring).toBeHidden();
  await callee.ready();

  const { callId } = await log.onlyCall();
  const story = ['Created expert1', 'Join expert1', 'Declined expert2', 'Leave expert1', 'Ended expert1'];
  await log.tells(callId, story, 'Ended');
});

test('a ring cannot be lost by pressing Escape', async ({ person }) => {
  const [caller, callee] = await Promise.all([person('expert1'), person('expert2')]);
  await caller.call(callee);
  await expect(callee.ringsFrom(caller)).toBeVisible();
  // Chromium lets a page refuse the first one only.
  for (const _ of [1, 2, 3]) await callee.page.keyboard.press('Escape');
  await callee.answer(caller);
  await Promise.all([caller.connected(), callee.connected()]);
});

test.describe('nobody answers', () => {
  test.use({ settings: { ringSeconds: 2 } });

  test('a call that nobody answers in time', async ({ person, api }) => {
    const [caller, callee, log] = await Promise.all([person('expert1'), person('expert2'), api('expert1')]);
    await caller.call(callee);
    await expect(callee.ringsFrom(caller)).toBeVisible();
    await caller.endedBecause(`${callee.name} did not answer.`);
    await expect(callee.ring).toBeHidden();

    const { callId } = await log.onlyCall();
    const story = ['Created expert1', 'Join expert1', 'Missed expert2', 'Leave expert1', 'Ended expert1'];
    await log.tells(callId, story, 'Ended');
  });
});

test('the caller gives up before anybody answers', async ({ person }) => {
  const [caller, callee] = await Promise.all([person('expert1'), person('expert2')]);
  await caller.call(callee);
  await expect(callee.ringsFrom(caller)).toBeVisible();
  await caller.press('Hang up');
  await expect(callee.ring).toBeHidden();
});

test('somebody who comes online while being called is rung', async ({ person, stranger }) => {
  const [caller, callee] = await Promise.all([person('expert1'), stranger('expert2')]);
  await caller.press('Call Expert 2');
  await expect(caller.connection).toHaveText('Expert 2 is not online. Ringing until a device connects…');
  await callee.signIn();
  await callee.answer(caller);
  await Promise.all([caller.seesAndHears(), callee.seesAndHears()]);
});
