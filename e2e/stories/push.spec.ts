import { desk, looksGood, phone } from '../support/looks.ts';
import type { Person } from '../support/person.ts';
import { PushService, Ringing } from '../support/push.ts';
import { expect, test as base } from '../support/story.ts';

/** A push service on this machine in place of the browser maker's. */
const test = base.extend<{ push: PushService }>({
  push: async ({}, use) => {
    const push = await PushService.start();
    await use(push);
    push.close();
  },
});
test.use({ settings: { allowInside: true } });

const state = (someone: Person) => someone.page.getByTestId('push');

async function toSettings(someone: Person): Promise<void> {
  await someone.page.getByRole('link', { name: 'Reaching me', exact: true }).click();
  await expect(someone.page.getByRole('heading', { name: 'While this page is closed' })).toBeVisible();
}

/** Lets somebody's browser ring. */
async function letRing(someone: Person, push: PushService): Promise<Ringing> {
  const { page } = someone;
  const origin = new URL(page.url()).origin;
  await push.serve(someone.context);
  await someone.context.grantPermissions(['camera', 'microphone', 'notifications'], { origin });
  await page.reload();
  await toSettings(someone);
  await expect(state(someone)).toHaveText('This browser does not ring while the page is closed.');
  await someone.press('Let this browser ring');
  await expect(state(someone)).toHaveText('This browser rings while the page is closed.');
  await expect(page.getByRole('list', { name: 'Your browsers that ring' })).toContainText('Chrome on Linux');
  return Ringing.of(page, origin);
}

test('a closed page rings, says so to the caller, and is silent once the call is over', async ({
  person,
  api,
  push,
}) => {
  const [callee, caller] = await Promise.all([person('expert1'), api('expert2')]);
  const ringing = await letRing(callee, push);
  // As good as closed: of this server's pages there is none.
  await callee.page.goto('about:blank');
  const { callId } = await caller.createCall({ callTitle: 'Pump 7', invitedContacts: [{ userId: 'expert1' }] });
  await ringing.deliver(await push.next());
  const title = `${caller.user.displayName} is calling`;
  await expect.poll(() => ringing.shown()).toEqual([{ title, body: 'Pump 7', waits: true }]);
  const states = async () => {
    const log = (await caller.log(callId)) as unknown as { invitedContacts: { notifications: { channel: string; state: string }[] }[] };
    const told = log.invitedContacts[0]?.notifications ?? [];
    return told.filter(({ channel }) => channel === 'push').map(({ state }) => state);
  };
  await expect.poll(states, 'the browser says that it shows the call').toEqual(['delivered']);

  await caller.post('/rtc/endCall', { callId });
  await ringing.deliver(await push.next());
  const missed = `You missed a call from ${caller.user.displayName}`;
  await expect.poll(() => ringing.shown()).toEqual([{ title: missed, body: 'Pump 7', waits: false }]);
});

test('a closed page tells that a planned call was called off', async ({ person, api, push }) => {
  const [callee, caller] = await Promise.all([person('expert1'), api('expert2')]);
  const ringing = await letRing(callee, push);
  await callee.page.goto('about:blank');
  const { callId } = await caller.createCall({
    callTitle: 'Pump 7',
    plannedDateTime: new Date(Date.now() + 86_400_000).toISOString(),
    invitedContacts: [{ userId: 'expert1' }],
  });
  await caller.post('/rtc/cancelCall', { callId });
  await ringing.deliver(await push.next());
  const title = `${caller.user.displayName} has called off a planned call`;
  await expect.poll(() => ringing.shown()).toEqual([{ title, body: expect.stringMatching(/^Pump 7, .+/), waits: false }]);
});

test('a click on the ring brings the page to the call, where it is answered', async ({ person, push }) => {
  const [callee, caller] = await Promise.all([person('expert1'), person('expert2')]);
  const ringing = await letRing(callee, push);
  await caller.call(callee);
  const ring = await push.next();
  await ringing.deliver(ring);
  await expect.poll(async () => (await ringing.shown()).length).toBe(1);
  await ringing.click('');
  await expect(callee.page).toHaveURL(new RegExp(`/call/${ring.callId}$`));
  await callee.page.getByRole('button', { name: 'Answer with video' }).click();
  await Promise.all([caller.seesAndHearsAll(1), callee.seesAndHearsAll(1)]);
  const end = await push.next();
  expect(end).toMatchObject({ kind: 'ringEnd', ended: 'joined' });
});

test('a ring is declined from the notification', async ({ person, api, push }) => {
  const [callee, caller] = await Promise.all([person('expert1'), api('expert2')]);
  const ringing = await letRing(callee, push);
  await callee.page.goto('about:blank');
  const { callId } = await caller.createCall({ invitedContacts: [{ userId: 'expert1' }] });
  await ringing.deliver(await push.next());
  await expect.poll(async () => (await ringing.shown()).length).toBe(1);
  await ringing.click('decline');
  await expect.poll(() => caller.events(callId)).toContain('Declined expert1');
});

test('it ends when it is turned off, and with the login', async ({ person, api, push }) => {
  const [someone, log] = await Promise.all([person('expert1'), api('expert1')]);
  await letRing(someone, push);
  const listed = async () =>
    ((await log.get('/rtc/getPushSubscriptions')) as { subscriptions: object[] }).subscriptions.length;
  expect(await listed()).toBe(1);
  await someone.press('Let it ring no more');
  await expect(state(someone)).toHaveText('This browser does not ring while the page is closed.');
  expect(await listed()).toBe(0);
  await someone.press('Let this browser ring');
  await expect(state(someone)).toHaveText('This browser rings while the page is closed.');
  await someone.page.reload();
  await expect(state(someone)).toHaveText('This browser rings while the page is closed.');
  await someone.press('Sign out');
  await expect.poll(listed).toBe(0);
});

test('a browser that reaches no push service says so', async ({ person }) => {
  const someone = await person('expert1');
  const { page, context } = someone;
  await context.grantPermissions(['camera', 'microphone', 'notifications'], { origin: new URL(page.url()).origin });
  await toSettings(someone);
  await someone.press('Let this browser ring');
  await expect(state(someone)).toContainText('cannot reach its maker’s push service');
});

test('a browser in which notifications are blocked says so', async ({ person }) => {
  const someone = await person('expert1');
  await someone.page.addInitScript(() => {
    Object.defineProperty(Notification, 'permission', { get: () => 'denied' });
  });
  await someone.page.reload();
  await toSettings(someone);
  await expect(state(someone)).toContainText('Notifications of this page are blocked');
  await expect(someone.page.getByRole('button', { name: 'Let this browser ring' })).toHaveCount(0);
});

for (const [where, look] of [
  ['a desk', desk],
  ['a phone', phone],
] as const) {
  test(`a browser that rings looks good on ${where}`, async ({ person, push }) => {
    const someone = await person('expert1', look);
    await letRing(someone, push);
    await looksGood(someone.page, `push-${where === 'a desk' ? 'desk' : 'phone'}`);
  });
}
