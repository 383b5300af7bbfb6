import type { Page } from '@playwright/test';
import type { Api } from '../support/api.ts';
import { desk, looksGood, phone } from '../support/looks.ts';
import type { Person } from '../support/person.ts';
import { lookAt, readFromScreen } from '../support/qr.ts';
import { expect, test } from '../support/story.ts';

/** A call that whoever has its link may ask to come into. */
async function open(maker: Api): Promise<{ callId: string; link: string }> {
  const { callId } = await maker.createCall({ callTitle: 'Pump 7', joinAnonymousAllowed: true });
  const { link } = (await maker.post('/rtc/getCallLink', { callId })) as { link: string };
  return { callId, link };
}

function door(page: Page): ReturnType<Page['getByTestId']> {
  return page.getByTestId('door-state');
}

async function knock(visitor: Person, name: string): Promise<void> {
  await visitor.page.getByRole('textbox', { name: 'Your name' }).fill(name);
  await visitor.press('Ask to come in with video');
}

/** The digits as they stand on the screen. */
async function digits(host: Person): Promise<string> {
  const shown = host.page.getByTestId('six-digits');
  await expect(shown).toContainText(/\d{3} \d{3}/);
  return ((await shown.textContent()) ?? '').replace(/\D/g, '').slice(0, 6);
}

test('somebody with the link of a call asks to come in, is let in, sees and is seen, and comes back after a reload', async ({
  person,
  stranger,
  api,
  server,
}) => {
  const maker = await api('expert1');
  const [host, visitor] = await Promise.all([person('expert1'), stranger('vera')]);
  const { callId, link } = await open(maker);

  await test.step('a robot that fetches the address finds nothing and changes nothing', async () => {
    const before = await maker.log(callId);
    expect(await (await fetch(link)).text()).not.toContain('Pump 7');
    expect(await maker.log(callId)).toEqual(before);
  });

  await host.press('Join Pump 7');
  await visitor.page.goto(link);
  await expect(visitor.page.getByRole('heading', { name: `${host.name} invites you to a call` })).toBeVisible();
  await visitor.press('Ask to come in with video');
  await expect(visitor.page.getByRole('alert')).toHaveText('Enter your name, so that they know who is there.');
  await knock(visitor, 'Vera');
  await expect(door(visitor.page)).toContainText('They see that you are here.');
  expect((await maker.log(callId)).invitedContacts, 'nobody yet').toEqual([]);
  await host.press('Let Vera in');
  await Promise.all([visitor.seesAndHearsAll(1), host.seesAndHearsAll(1)]);
  await expect(host.page.getByTestId('lobby')).toBeEmpty();
  await expect(host.page.getByRole('heading', { name: 'Vera (guest)', exact: true })).toBeVisible();
  for (const absent of ['Add someone', 'Guests’ links', 'Link and code']) {
    await expect(visitor.button(absent)).toHaveCount(0);
  }

  await visitor.page.reload();
  await Promise.all([visitor.seesAndHearsAll(1), host.seesAndHearsAll(1)]);
  await maker.tells(callId, ['Created expert1', 'Join expert1', 'Join null'], 'Started');
  expect(server.log, 'nothing of a link in the log').not.toMatch(/fh[cg]_/);
});

test('a QR code on the screen leads another camera to the door, and whoever is refused reads so', async ({
  person,
  stranger,
  api,
}) => {
  const maker = await api('expert1');
  const [host, visitor] = await Promise.all([person('expert1'), stranger('vera')]);
  const { callId } = await maker.createCall({ callTitle: 'Pump 7' });
  await host.press('Join Pump 7');
  await host.press('Link and code');
  await expect(host.page.getByTestId('qr-code')).toHaveCount(0);
  await host.press('Let others ask to come in');
  const link = await host.page.getByLabel('Link to this call', { exact: true }).inputValue();
  expect(await readFromScreen(host.page)).toBe(link);
  expect(((await maker.post('/rtc/getCallLink', { callId })) as { link: string }).link).toBe(link);

  const shown = await host.page.getByTestId('qr-code').screenshot();
  await host.press('Close link and code');
  await visitor.page.goto('/join');
  await lookAt(visitor.page, shown);
  await visitor.press('Scan a QR code');
  await knock(visitor, 'Vera');
  await host.press('Do not let Vera in');
  await expect(door(visitor.page)).toHaveText(
    'They cannot let you in now. Ask whoever sent you the link, and try again later.',
  );
  await expect(host.page.getByTestId('lobby')).toBeEmpty();
});

test('six spoken digits lead to the door, and those of a guest past it', async ({ person, stranger, api }) => {
  const maker = await api('expert1');
  const [host, visitor, guest] = await Promise.all([person('expert1'), stranger('vera'), stranger('gil')]);
  const gil = { displayName: 'Gil', email: 'gil@example.org' };
  await maker.createCall({ callTitle: 'Pump 7', joinAnonymousAllowed: true, invitedContacts: [gil] });
  await host.press('Join Pump 7');
  await host.press('Link and code');
  await host.press('Show six digits');
  const code = await digits(host);
  await host.press('Close link and code');

  await visitor.page.getByRole('link', { name: 'I have a code or a QR code' }).click();
  const wrong = [...code].map((digit) => String((Number(digit) + 5) % 10)).join('');
  await visitor.page.getByRole('textbox', { name: 'Code' }).fill(wrong);
  await expect(visitor.page.getByTestId('code-wrong')).toContainText('This code is wrong');
  for (const digit of code) await visitor.press(digit);
  await knock(visitor, 'Vera');
  await host.press('Let Vera in');
  await visitor.seesAndHearsAll(1);

  await host.press('Guests’ links');
  await host.press('Six digits for Gil');
  const own = await digits(host);
  await host.press('Close the links');
  await guest.page.goto(`/join#${own}`);
  await expect(guest.page.getByText('You take part as Gil.')).toBeVisible();
  await guest.press('Join with video');
  await Promise.all([guest.seesAndHearsAll(2), visitor.seesAndHearsAll(2)]);
});

test('a code leads somebody who is signed in and invited to the call itself', async ({ person, api }) => {
  const [maker, second] = await Promise.all([api('expert1'), api('expert2')]);
  const [host, other] = await Promise.all([person('expert1'), person('expert2')]);
  const { userDbId } = second.user;
  const { callId } = await maker.createCall({ callTitle: 'Pump 7', informOthersDirectly: false, invitedContacts: [{ userDbId }] });
  const { code } = (await maker.post('/rtc/createJoinCode', { callId })) as { code: string };
  await host.press('Join Pump 7');
  await other.page.getByRole('link', { name: 'I have a code or a QR code' }).click();
  await other.page.getByRole('textbox', { name: 'Code' }).fill(code);
  await expect(other.page).toHaveURL(`/call/${callId}`);
  await expect(other.page.getByRole('heading', { name: 'Pump 7', exact: true })).toBeVisible();
});

test('whoever waits goes on waiting through a restart of the server, and reads that nobody is there', async ({
  person,
  stranger,
  api,
  server,
}) => {
  const maker = await api('expert1');
  const visitor = await stranger('vera');
  const { callId, link } = await open(maker);
  await visitor.page.goto(link);
  await knock(visitor, 'Vera');
  await expect(door(visitor.page)).toContainText('Nobody who could let you in is there yet.');
  await server.stop('SIGKILL');
  await expect(door(visitor.page)).toContainText('The server does not answer at the moment.');
  await server.run();
  const host = await person('expert1');
  await expect(host.button('Let Vera in')).toBeVisible();
  await expect(door(visitor.page)).toContainText('They see that you are here.');
  await visitor.page.reload();
  await expect(visitor.button('Stop waiting')).toBeVisible();
  await maker.post('/rtc/endCall', { callId });
  await expect(visitor.page.getByTestId('guest-trouble')).toHaveText('The call has ended already.');
});

test('those who are early to a planned call come in by themselves when it begins', async ({
  person,
  stranger,
  api,
}) => {
  const [maker, second] = await Promise.all([api('expert1'), api('expert2')]);
  const [host, other, guest] = await Promise.all([person('expert1'), person('expert2'), stranger('gil')]);
  const { userDbId } = second.user;
  const { callId, invitedContacts } = await maker.createCall({
    callTitle: 'Pump 7',
    plannedDateTime: '2027-11-23T09:30:00Z',
    invitedContacts: [{ userDbId }, { displayName: 'Gil', email: 'gil@example.org' }],
  });
  const gil = invitedContacts.find((contact) => contact.userDbId === null)?.id ?? 0;
  await guest.page.goto(await maker.guestLink(callId, gil));
  await other.page.goto(`/call/${callId}`);
  for (const one of [guest, other]) {
    await one.press('When it begins, join with video');
    await expect(one.page.getByTestId('early')).toContainText('You come in by yourself');
  }
  await host.page.goto(`/call/${callId}`);
  await host.press('Join Pump 7');
  await Promise.all([host, other, guest].map((one) => one.seesAndHearsAll(2)));
});

for (const [size, look] of Object.entries({ phone, desk })) {
  test(`what is seen at a call's door on a ${size}`, async ({ person, stranger, api }) => {
    const maker = await api('expert1');
    const [host, visitor] = await Promise.all([person('expert1', look), stranger('vera', look)]);
    const { link } = await open(maker);
    await visitor.page.goto('/join');
    await looksGood(visitor.page, `${size}-door-code`);
    await visitor.page.goto(link);
    await expect(visitor.button('Ask to come in with video')).toBeVisible();
    await looksGood(visitor.page, `${size}-door-name`);
    await knock(visitor, 'Vera of Example & Sons');
    await expect(door(visitor.page)).toContainText('They see that you are here.');
    await looksGood(visitor.page, `${size}-door-waiting`);
    await expect(host.button('Let Vera of Example & Sons in')).toBeVisible();
    await looksGood(host.page, `${size}-door-home`);
    await host.press('Join Pump 7');
    await looksGood(host.page, `${size}-door-lobby`);
    await host.press('Link and code');
    await expect(host.page.getByTestId('qr-code')).toBeVisible();
    await host.press('Show six digits');
    await digits(host);
    await looksGood(host.page, `${size}-door-share`);
  });
}
