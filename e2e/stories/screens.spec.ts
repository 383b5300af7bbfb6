import { conference, talking } from '../support/calls.ts';
import { looksGood } from '../support/looks.ts';
import type { Person } from '../support/person.ts';
import { expect, test } from '../support/story.ts';

/** Sees a screen that moves, and the camera of the one who shows it beside it. */
async function seesScreenOf(viewer: Person, sharer: Person, cameras: number): Promise<void> {
  const screen = viewer.page.getByLabel(`Screen of ${sharer.name}`, { exact: true }).locator('video');
  await viewer.shows(screen);
  await expect(viewer.page.getByTestId('remote-video')).toHaveCount(cameras);
  await viewer.shows(viewer.page.getByLabel(`Video of ${sharer.name}`, { exact: true }));
}

test('a screen is shown beside the camera in a direct call, and nothing is negotiated again', async ({
  person,
  api,
}) => {
  const { caller, callee } = await talking(person, api);
  await caller.press('Share screen');
  await expect(caller.page.getByText('You are sharing your screen', { exact: true })).toBeVisible();
  await seesScreenOf(callee, caller, 1);
  await looksGood(callee.page, 'desk-screen');
  await looksGood(caller.page, 'desk-sharing');
  await Promise.all([caller.connected(), callee.connected()]);

  await caller.press('Stop sharing');
  await expect(callee.page.getByTestId('remote-screen')).toBeHidden();
  await callee.inCallWith(caller);
  await callee.seesAndHears();
  for (const one of [caller, callee]) expect((await one.received()).connections, 'connections').toBe(1);
});

test('a screen is shown to all in a call of three until the browser’s own button ends it', async ({ person, api }) => {
  const { people } = await conference(person, api);
  const [first, second, third] = people;
  await first.page.evaluate(rememberScreen);
  await first.press('Share screen');
  await Promise.all([second, third].map((one) => seesScreenOf(one, first, 2)));
  await looksGood(third.page, 'desk-screen-of-many');
  // The page sees no more of that button than this.
  await first.page.evaluate(endScreen);
  await expect(first.button('Share screen')).toBeVisible();
  for (const one of [second, third]) await expect(one.page.getByTestId('remote-screen')).toBeHidden();
  await Promise.all(people.map((one) => one.seesAndHearsAll(2)));
  for (const one of people) expect((await one.received()).connections, 'connections').toBe(1);
});

test('a shared screen stays when a third person is added', async ({ person, api }) => {
  const third = await person('callertest1');
  const { caller, callee } = await talking(person, api);
  await caller.press('Share screen');
  await seesScreenOf(callee, caller, 1);
  await caller.press('Add someone');
  await caller.press(`Add ${third.name}`);
  await third.answer(caller);
  await Promise.all([callee, third].map((one) => seesScreenOf(one, caller, 2)));
});

declare global {
  interface Window {
    sharedScreen?: MediaStreamTrack;
  }
}

/** Runs in the page. */
function rememberScreen(): void {
  const devices = navigator.mediaDevices;
  const original = devices.getDisplayMedia.bind(devices);
  devices.getDisplayMedia = async (options) => {
    const stream = await original(options);
    window.sharedScreen = stream.getVideoTracks()[0];
    return stream;
  };
}

/** Runs in the page: a track that ends for a reason outside it. */
function endScreen(): void {
  window.sharedScreen?.stop();
  window.sharedScreen?.dispatchEvent(new Event('ended'));
}
