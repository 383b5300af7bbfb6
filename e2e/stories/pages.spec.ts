import { contact } from '../support/api.ts';
import { talking } from '../support/calls.ts';
import { expect, test } from '../support/story.ts';

test('signing in tells what is wrong, and works when it is right', async ({ stranger }) => {
  const someone = await stranger('tester');
  await someone.signIn('wrong');
  await expect(someone.page.getByRole('alert')).toHaveText('Domain, user or password is wrong.');
  await someone.signIn();
  await someone.ready();
  await someone.page.reload();
  await someone.ready();
  await someone.press('Sign out');
  await expect(someone.page.getByRole('heading', { name: 'Sign in' })).toBeVisible();
  await someone.page.reload();
  await expect(someone.page.getByRole('heading', { name: 'Sign in' })).toBeVisible();
});

test('the contacts show who is there', async ({ person }) => {
  const watcher = await person('expert1');
  const row = watcher.page
    .getByRole('list', { name: 'Contacts' })
    .getByRole('listitem')
    .filter({ hasText: 'Expert 2' });
  await expect(row).toContainText('Not online');
  const other = await person('expert2');
  await expect(row).toContainText('Online');
  await other.context.close();
  await expect(row).toContainText('Not online');
});

test('somebody who comes online while the contacts are still loading is online', async ({ stranger, person, api }) => {
  const [watcher, other] = [await stranger('expert1'), await api('expert2')];
  const frames: string[] = [];
  watcher.page.on('websocket', (socket) =>
    socket.on('framereceived', ({ payload }) => frames.push(payload.toString())),
  );
  let arrive = () => {};
  const arrived = new Promise<void>((resolve) => {
    arrive = resolve;
  });
  // The answer is made now, and arrives after the news that somebody has come.
  await watcher.page.route('**/rtc/getContacts', async (route) => {
    const response = await route.fetch();
    await arrived;
    await route.fulfill({ response });
  });
  const asked = watcher.page.waitForRequest('**/rtc/getContacts');
  await watcher.signIn();
  await asked;
  await watcher.ready();
  await person('expert2');
  const news = `{"userDbId":${other.user.userDbId},"presence":"online"}`;
  await expect.poll(() => frames.some((frame) => frame.includes(news)), 'the news').toBe(true);
  arrive();
  const row = watcher.page
    .getByRole('list', { name: 'Contacts' })
    .getByRole('listitem')
    .filter({ hasText: 'Expert 2' });
  await expect(row).toContainText('Online');
});

test('the history tells the story of a call', async ({ person, api }) => {
  const { caller, callee, api: log } = await talking(person, api);
  await callee.press('Hang up');
  await caller.endedBecause('The call was hung up.');
  const { id, callTitle } = await log.onlyCall();
  const story = [
    `${caller.name} made the call.`,
    `${caller.name} joined.`,
    `${callee.name}’s devices started ringing.`,
    `${callee.name} joined.`,
    `${callee.name} left.`,
    `${caller.name} left.`,
    'The call ended: somebody hung up.',
  ];
  const sentences = caller.page.getByRole('list', { name: 'What happened' }).getByRole('listitem');

  await caller.press('Show this call’s story');
  await expect(sentences).toContainText(story);

  await caller.page.getByRole('link', { name: 'Back to call history' }).click();
  await caller.page.getByRole('link', { name: `Story of call ${id}`, exact: true }).click();
  await expect(caller.page.getByRole('heading', { name: callTitle })).toBeVisible();
  await expect(sentences).toContainText(story);

  await caller.page.reload();
  await expect(sentences).toContainText(story);
});

test('a planned call is listed for whom it is planned, and rings nobody yet', async ({ person, api }) => {
  const [invited, maker] = await Promise.all([person('expert2'), api('expert1')]);
  await maker.createCall({
    callTitle: 'Yearly inspection',
    callType: 'MESH',
    invitedContacts: [contact((await api('expert2')).user)],
    plannedDateTime: new Date(Date.now() + 24 * 3600 * 1000).toISOString(),
  });
  await invited.page.getByRole('link', { name: 'Planned calls' }).click();
  const planned = invited.page.getByRole('list', { name: 'Planned calls' });
  await expect(planned).toContainText('Yearly inspection');
  await expect(planned.getByRole('button', { name: 'Join Yearly inspection' })).toBeVisible();
  await expect(invited.ring).toBeHidden();
});

test('a call that does not pop up is listed, and can be answered', async ({ person, api }) => {
  const [caller, callee, maker] = await Promise.all([person('expert1'), person('expert2'), api('expert1')]);
  await maker.createCall({
    callTitle: 'No hurry',
    callType: 'MESH',
    informOthersDirectly: false,
    invitedContacts: [contact((await api('expert2')).user)],
  });
  const waiting = callee.page.getByRole('region', { name: 'Waiting calls' });
  await expect(waiting).toBeVisible();
  await expect(callee.ring).toBeHidden();
  await waiting.getByRole('button', { name: `Answer ${caller.name} with video` }).click();
  await caller.page.getByRole('button', { name: /^Answer (.* )?with video$/ }).click();
  await Promise.all([caller.seesAndHears(), callee.seesAndHears()]);
});

test('the link of an invitation leads to its call, by the login', async ({ stranger, api }) => {
  const [invited, maker] = await Promise.all([stranger('expert2'), api('expert1')]);
  const { callId, callTitle } = await maker.createCall({
    callTitle: 'Yearly inspection',
    invitedContacts: [contact((await api('expert2')).user)],
  });
  await invited.page.goto(`/call/${callId}`);
  await invited.signIn();
  await expect(invited.page.getByRole('heading', { name: callTitle })).toBeAttached();
  await expect(invited.page.getByRole('list', { name: 'What happened' })).toBeAttached();
});

test('no view can be reached without signing in', async ({ stranger }) => {
  const someone = await stranger('tester');
  for (const path of ['/', '/planned', '/history', '/history/00000000-0000-4000-8000-000000000000']) {
    await someone.page.goto(path);
    await expect(someone.page.getByRole('heading', { name: 'Sign in' })).toBeVisible();
  }
});
