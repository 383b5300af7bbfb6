import type { Page } from '@playwright/test';
import { contact } from '../support/api.ts';
import { desk, expectLabels, looksGood, phone } from '../support/looks.ts';
import { Party } from '../support/party.ts';
import { expect, test } from '../support/story.ts';

/** Everything one has to reach in a call is on the screen, without scrolling. */
async function reachable(page: Page): Promise<void> {
  for (const name of ['Mute microphone', 'Turn camera off', 'Hang up']) {
    await expect(page.getByRole('button', { name, exact: true })).toBeInViewport({ ratio: 1 });
  }
}

for (const [size, look] of Object.entries({ phone, desk })) {
  test(`the pages on a ${size}`, async ({ stranger, api }) => {
    const someone = await stranger('expert1', look);
    const { page } = someone;
    await expect(someone.button('Sign in')).toBeVisible();
    await looksGood(page, `${size}-sign-in`);
    await someone.signIn();
    await someone.ready();
    await looksGood(page, `${size}-contacts`);

    const [maker, invited] = [await api('expert2'), (await api('expert1')).user];
    const inspection = { callTitle: 'Yearly inspection', callType: 'MESH', invitedContacts: [contact(invited)] };
    const later = (hours: number) => new Date(Date.now() + hours * 3600 * 1000).toISOString();
    await maker.createCall({ ...inspection, plannedDateTime: later(24) });
    const { callId } = await maker.createCall({ ...inspection, callTitle: 'Second look', plannedDateTime: later(48) });

    await page.getByRole('link', { name: 'Planned calls' }).click();
    await expect(page.getByRole('button', { name: 'Join Yearly inspection' })).toBeVisible();
    await looksGood(page, `${size}-planned`);
    await page.getByRole('link', { name: 'Call history' }).click();
    await expect(page.getByRole('link', { name: /^Story of call/ })).toHaveCount(2);
    await looksGood(page, `${size}-history`);
    await page.goto(`/history/${callId}`);
    await expect(page.getByRole('list', { name: 'What happened' })).toBeVisible();
    await looksGood(page, `${size}-story`);
  });

  test(`a call on a ${size}`, async ({ person }) => {
    const [caller, callee, other] = await Promise.all([
      person('expert1', look),
      person('expert2', look),
      person('expert2', look),
    ]);
    await caller.call(callee);
    await expect(caller.connection).toHaveText(`${callee.name} sees your call…`);
    await looksGood(caller.page, `${size}-calling`);
    await expect(callee.ringsFrom(caller)).toBeVisible();
    await looksGood(callee.page, `${size}-ringing`);
    await callee.answer(caller);
    await Promise.all([caller.sees(), callee.sees()]);
    await reachable(callee.page);
    await looksGood(callee.page, `${size}-call`);
    await looksGood(other.page, `${size}-elsewhere`);
    await other.page.getByRole('button', { name: /^Continue / }).click();
    await expect(callee.button('Continue the call here')).toBeVisible();
    await looksGood(callee.page, `${size}-moved`);
    await other.press('Hang up');
    await expect(other.page.getByTestId('end-reason')).toBeVisible();
    await looksGood(other.page, `${size}-ended`);
  });
}

for (const [size, look] of Object.entries({ phone, desk })) {
  test(`a call of many on a ${size}`, async ({ person, api, server }) => {
    const crowd = ['expert2', 'callertest1', 'callertest2', 'tester', 'glasses1'];
    const [watcher, talker, maker, ...users] = await Promise.all([
      person('expert1', look),
      person('expert2'),
      api('expert1'),
      ...crowd.map(async (name) => (await api(name)).user),
    ]);
    const { callId } = await maker.createCall({ callTitle: 'All about pump 7', invitedContacts: users.map(contact) });
    await talker.answer(watcher);
    await watcher.answer(talker);
    const [first, ...rest] = await Promise.all(crowd.slice(1).map((name) => Party.connect(server.url, name)));
    await first?.join(callId);
    await watcher.seesAndHearsAll(1);
    await expect(watcher.page.getByRole('region', { name: 'People in this call' })).toBeVisible();
    await looksGood(watcher.page, `${size}-three`);
    await watcher.press('Add someone');
    await looksGood(watcher.page, `${size}-add`);
    await watcher.press('Close the list');
    for (const one of rest) await one.join(callId);
    await expect(watcher.page.getByText('6 people', { exact: true })).toBeVisible();
    const grid = watcher.page.getByRole('list', { name: 'People in this call' });
    for (const tile of await grid.getByRole('listitem').all()) await expect(tile).toBeInViewport({ ratio: 1 });
    await reachable(watcher.page);
    await looksGood(watcher.page, `${size}-many`);
  });
}

test('the check of labels sees what is wrong', async ({ page }) => {
  const wrong = {
    'no label': '<button><svg width="20" height="20"></svg></button>',
    'a label to be read aloud only': '<button aria-label="Mute"><svg width="20" height="20"></svg></button>',
    'a label nobody sees':
      '<button style="padding:9px"><span style="position:absolute;width:1px;height:1px;overflow:hidden">Mute</span></button>',
    'the same label twice': '<button>Mute</button><a href="/">mute</a>',
    'another name than the one shown': '<button aria-label="Silence">Mute</button>',
    'a field without a label': '<input placeholder="Name">',
    'no control at all': '<p>Mute</p>',
  };
  for (const [what, html] of Object.entries(wrong)) {
    await page.setContent(html);
    await expect(expectLabels(page, what), what).rejects.toThrow();
  }
  await page.setContent('<button>Mute</button><button hidden>Mute</button><label>Name <input></label>');
  await expectLabels(page, 'good');
});
