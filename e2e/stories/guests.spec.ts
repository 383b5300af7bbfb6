import type { Page } from '@playwright/test';
import { type Api, contact } from '../support/api.ts';
import { desk, looksGood, phone } from '../support/looks.ts';
import type { Person } from '../support/person.ts';
import { expect, test } from '../support/story.ts';

const GIL = { displayName: 'Gil', email: 'gil@example.org', userDbId: null, userId: null };

/** A call that invites Gil, and Gil's link. */
async function invite(maker: Api, call: object = {}): Promise<{ callId: string; gil: number; link: string }> {
  const { callId, invitedContacts } = await maker.createCall({
    callTitle: 'Pump 7',
    invitedContacts: [GIL],
    ...call,
  });
  const gil = invitedContacts.find(({ userDbId }) => userDbId === null)?.id ?? 0;
  return { callId, gil, link: await maker.guestLink(callId, gil) };
}

function says(page: Page): ReturnType<Page['getByTestId']> {
  return page.getByTestId('guest-trouble');
}

async function ownDomain(admin: Api): Promise<string> {
  const [domain] = (await admin.get('/admin/domains')) as { id: number }[];
  return `/admin/domains/${domain?.id}`;
}

/** Both in the call, each with a picture of the other. */
async function meets(guest: Person, maker: Person, link: string): Promise<void> {
  await guest.page.goto(link);
  await guest.press('Join with video');
  await maker.answerAnybody();
  await Promise.all([guest.seesAndHearsAll(1), maker.seesAndHearsAll(1)]);
}

test('a guest opens the link, accepts the terms, joins, reloads, and is shown out', async ({
  person,
  stranger,
  api,
  server,
}) => {
  const [admin, maker] = await Promise.all([api('admin'), api('expert1')]);
  await admin.change(await ownDomain(admin), { guestTerms: 'Be kind.\nNobody is recorded.' });
  const [host, guest] = await Promise.all([person('expert1'), stranger('gil')]);
  const { callId, gil, link } = await invite(maker);

  await test.step('a robot that fetches the address finds nothing and changes nothing', async () => {
    const before = await maker.log(callId);
    const robot = await (await fetch(link)).text();
    expect(robot).not.toContain('Pump 7');
    expect(await maker.log(callId)).toEqual(before);
  });

  await guest.page.goto(link);
  await expect(guest.page.getByTestId('guest-terms')).toContainText('Nobody is recorded.');
  await expect(guest.button('Join with video')).toHaveCount(0);
  await guest.press('Accept and go on');
  await expect(guest.page.getByRole('heading', { name: `${host.name} invites you to a call` })).toBeVisible();
  await expect(guest.page.getByText('You take part as Gil.')).toBeVisible();
  await expect(guest.page.getByTestId('guest-state')).toHaveText(`${host.name} is calling`);
  await guest.press('Join with video');
  await host.answerAnybody();
  await Promise.all([guest.seesAndHearsAll(1), host.seesAndHearsAll(1)]);
  await expect(host.page.getByRole('heading', { name: 'Gil (guest)', exact: true })).toBeVisible();
  await guest.inCallWith(host);
  await expect(guest.page.getByText('another device'), 'it was this one').toHaveCount(0);
  for (const absent of ['Add someone', 'Guests’ links']) await expect(guest.button(absent)).toHaveCount(0);

  await guest.page.reload();
  await Promise.all([guest.seesAndHearsAll(1), host.seesAndHearsAll(1)]);
  await maker.tells(callId, ['Created expert1', 'Join null', 'Join expert1'], 'Started');

  await host.press('Guests’ links');
  await host.press('Take back link of Gil');
  await expect(says(guest.page)).toHaveText('This link was taken back. Ask whoever invited you for a new one.');
  await host.endedBecause('The call was hung up.');
  expect((await maker.log(callId)).callHistory.map(({ type }) => type)).toContain('LinkRevoked');
  expect(gil).toBeGreaterThan(0);
  expect(server.log, 'nothing of a link in the log').not.toContain('fhg_');
});

test('whoever has hung up joins again while the call goes on, and reads how it ended', async ({
  person,
  stranger,
  api,
}) => {
  const [maker, third] = await Promise.all([api('expert1'), api('expert2')]);
  const [host, other, guest] = await Promise.all([person('expert1'), person('expert2'), stranger('gil')]);
  const { link } = await invite(maker, { invitedContacts: [GIL, contact(third.user)] });
  await meets(guest, host, link);
  await other.answer(host);
  await guest.seesAndHearsAll(2);
  await guest.press('Hang up');
  await guest.endedBecause('You hung up.');
  await guest.press('Join again');
  await guest.seesAndHearsAll(2);
  await other.press('Hang up');
  await host.press('Hang up');
  await guest.press('Hang up');
  await guest.endedBecause('You hung up.');
  await expect(guest.button('Join again')).toHaveCount(0);
  await guest.page.reload();
  await expect(says(guest.page)).toHaveText('The call has ended already.');
});

test('links that are not good say why', async ({ stranger, api, server }) => {
  const maker = await api('expert1');
  const { callId, gil, link } = await invite(maker);
  const guest = await stranger('gil');
  await guest.page.goto(`${server.url}/join#fhg_`);
  await expect(guest.page.getByRole('heading', { name: 'This link leads nowhere any more' })).toBeVisible();
  await guest.page.goto(`${link.slice(0, -1)}`);
  await expect(says(guest.page)).toHaveText('This link is not complete. Open it just as it was sent to you.');
  await maker.post('/rtc/revokeGuestLink', { callId, contactId: gil });
  await guest.page.goto(link);
  await expect(says(guest.page)).toHaveText('This link was taken back. Ask whoever invited you for a new one.');
  const fresh = await maker.guestLink(callId, gil);
  await guest.page.goto(fresh);
  await expect(guest.button('Join with video')).toBeVisible();
  await maker.post('/rtc/endCall', { callId });
  await expect(says(guest.page)).toHaveText('The call has ended already.');
});

test('a guest of a planned call waits in front of it, and camera and microphone stay off', async ({ stranger, api }) => {
  const maker = await api('expert1');
  const guest = await stranger('gil', { timezoneId: 'Asia/Kolkata' });
  const { callId, link } = await invite(maker, { plannedDateTime: '2027-11-23T09:30:00Z' });
  await guest.page.addInitScript(countDevices);
  await guest.page.goto(link);
  await expect(guest.page.getByTestId('guest-state')).toContainText('03:00 PM');
  await expect(guest.button('Join with video')).toHaveCount(0);
  await maker.post('/rtc/startCall', { callId });
  await expect(guest.button('Join with video')).toBeVisible();
  expect(await guest.page.evaluate(() => window.devicesOpened)).toBe(0);
  await guest.press('Try camera and microphone');
  await expect(guest.page.getByLabel('Your own video')).toBeVisible();
  await guest.press('Turn camera and microphone off');
});

declare global {
  interface Window {
    devicesOpened: number;
  }
}

/** Runs in the page. */
function countDevices(): void {
  window.devicesOpened = 0;
  const open = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
  navigator.mediaDevices.getUserMedia = (wanted) => {
    window.devicesOpened += 1;
    return open(wanted);
  };
}

for (const [size, look] of Object.entries({ phone, desk })) {
  test(`what guests see on a ${size}`, async ({ person, stranger, api }) => {
    const [admin, maker] = await Promise.all([api('admin'), api('expert1')]);
    const [host, guest] = await Promise.all([person('expert1', look), stranger('gil', look)]);
    const { link } = await invite(maker);
    const domain = await ownDomain(admin);
    await admin.change(domain, { guestTerms: 'Be kind to each other.\n'.repeat(60) });
    await guest.page.goto(link);
    await expect(guest.button('Accept and go on')).toBeVisible();
    await looksGood(guest.page, `${size}-guest-terms`);
    await guest.press('Accept and go on');
    await expect(guest.button('Join with video')).toBeVisible();
    await looksGood(guest.page, `${size}-guest-door`);
    await guest.press('Join with video');
    await host.answerAnybody();
    await Promise.all([guest.sees(), host.sees()]);
    await looksGood(guest.page, `${size}-guest-call`);
    await host.press('Guests’ links');
    await host.press('Copy link of Gil');
    await expect(host.page.getByLabel('Link of Gil')).toHaveValue(link);
    await expect(host.page.getByTestId('guest-links-said')).toContainText(/copied/i);
    await looksGood(host.page, `${size}-guest-links`);
    await host.press('Take back link of Gil');
    await expect(says(guest.page)).toBeVisible();
    await looksGood(guest.page, `${size}-guest-dead`);
  });
}

test('a camera on trial at the door is off again with a click, however often it was clicked on', async ({ stranger, api }) => {
  const [guest, { link }] = await Promise.all([stranger('gil'), api('expert1').then(invite)]);
  await guest.page.addInitScript(() => {
    const all: MediaStreamTrack[] = [];
    const { mediaDevices } = navigator;
    const ask = mediaDevices.getUserMedia.bind(mediaDevices);
    mediaDevices.getUserMedia = async (wanted) => {
      const stream = await ask(wanted);
      all.push(...stream.getTracks());
      return stream;
    };
    Object.assign(window, { live: () => all.filter(({ readyState }) => readyState === 'live').length });
  });
  const live = () => guest.page.evaluate(() => (window as unknown as { live(): number }).live());
  await guest.page.goto(link);
  await guest.button('Try camera and microphone').dblclick();
  await expect(guest.page.getByRole('meter')).toBeVisible();
  expect(await live()).toBe(2);
  await guest.press('Turn camera and microphone off');
  await expect.poll(live).toBe(0);
});
