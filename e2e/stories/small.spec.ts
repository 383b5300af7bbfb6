import type { Locator } from '@playwright/test';
import { contact } from '../support/api.ts';
import { expect, test } from '../support/story.ts';

/** Small phones upright and on their side, and a desk at 200 %. */
const SCREENS = [
  { width: 360, height: 640 },
  { width: 640, height: 360 },
  { width: 640, height: 400 },
];
/** As long as the server takes it. */
const TITLE = 'Pump 7 leaks at the far end of the long hall, bring the big wrench and the small one, '.repeat(3).slice(0, 200);

/** On the screen as a whole, and nothing lies above it. */
async function reachable(control: Locator): Promise<void> {
  await expect(control).toBeInViewport({ ratio: 1 });
  await control.click({ trial: true });
  const { width, height } = (await control.boundingBox()) ?? { width: 0, height: 0 };
  for (const position of [
    { x: 12, y: height / 2 },
    { x: width - 12, y: height / 2 },
  ]) {
    await control.click({ trial: true, position });
  }
}

test('with a title as long as can be, everything can be reached on a small screen', async ({ person, api }) => {
  const [callee, caller, third] = await Promise.all([
    person('expert1', { viewport: { width: 360, height: 640 } }),
    person('expert2'),
    person('callertest1'),
  ]);
  const [maker, invited] = [await api('expert2'), (await api('expert1')).user];
  await maker.createCall({ callTitle: TITLE, callType: 'MESH', invitedContacts: [contact(invited)] });

  await expect(callee.ringsFrom(caller)).toBeVisible();
  for (const screen of SCREENS) {
    await callee.page.setViewportSize(screen);
    for (const name of ['Answer with video', 'Answer without video', 'Decline']) await reachable(callee.button(name));
  }

  await callee.answer(caller);
  await caller.answer(callee, 'without video');
  await callee.connected();
  await expect(callee.page.getByText(`${caller.name} has the camera off`)).toBeVisible();
  await third.call(callee);
  await expect(callee.page.getByRole('region', { name: 'Waiting calls' })).toBeVisible();
  for (const screen of SCREENS) {
    await callee.page.setViewportSize(screen);
    await expect(callee.connection).toBeInViewport({ ratio: 1 });
    const overhang = await callee.page.getByRole('main').evaluate((view) => view.scrollWidth - view.clientWidth);
    expect(overhang, 'pixels wider than the screen').toBe(0);
    for (const name of [
      `Leave this call and answer ${third.name}`,
      `Decline ${third.name}`,
      'Mute microphone',
      'Turn camera off',
      'Hang up',
    ]) {
      await reachable(callee.button(name));
    }
  }
});

test('switches stay under the pointer when they are pressed', async ({ person }) => {
  const [caller, callee] = await Promise.all([person('expert1'), person('expert2')]);
  await caller.call(callee);
  const switches = [
    ['Mute microphone', 'Unmute microphone'],
    ['Turn camera off', 'Turn camera on'],
  ] as const;
  for (const [before, after] of switches) {
    await expect(caller.button(before)).toBeVisible();
    const place = await caller.button(before).boundingBox();
    await caller.press(before);
    await expect(caller.button(after)).toBeVisible();
    expect(await caller.button(after).boundingBox(), after).toEqual(place);
  }
});
