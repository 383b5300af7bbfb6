import { Person } from '../support/person.ts';
import { expect, test } from '../support/story.ts';

/** Runs in the page: the second of Chromium's fake cameras is one for depth, and sends no picture. */
function withoutDepth(): void {
  const devices = navigator.mediaDevices;
  const list = devices.enumerateDevices.bind(devices);
  devices.enumerateDevices = async () => (await list()).filter(({ label }) => label !== 'fake_device_1');
}

test('somebody with two cameras switches between them, and the other one sees it', async ({
  playwright,
  server,
  person,
  launchOptions,
}) => {
  const args = (launchOptions.args ?? []).map((arg) => arg.replace('fps=10', 'fps=10,device-count=3'));
  const browser = await playwright.chromium.launch({ ...launchOptions, args });
  const glasses = await Person.open(browser, server.url, 'glasses1', { viewport: { width: 360, height: 640 } });
  await glasses.context.addInitScript(withoutDepth);
  await glasses.page.reload();
  await glasses.signIn();
  await glasses.ready();
  const expert = await person('tester');
  await glasses.call(expert);
  await expert.answer(glasses);
  await Promise.all([glasses.connected(), expert.connected()]);
  await expert.sees();

  const own = glasses.page.getByTestId('local-video');
  /** Undefined while there is none: an element that has just gone has lost its stream. */
  const camera = async () =>
    (await own.count()) === 0
      ? undefined
      : own.evaluate(
          (video: HTMLVideoElement) =>
            (video.srcObject as MediaStream | null)?.getVideoTracks()[0]?.getSettings().deviceId,
        );
  const first = await camera();
  await glasses.press('Switch camera');
  await expect.poll(async () => ![undefined, first].includes(await camera()), 'another camera').toBe(true);
  await expert.sees();
  await glasses.press('Switch camera');
  await expect.poll(camera, 'the first one again').toBe(first);
  await expert.sees();
  expect((await expert.received()).connections, 'the connection stays').toBe(1);
  await browser.close();
});

test('somebody with one camera has nothing to switch', async ({ person }) => {
  const [caller, callee] = await Promise.all([person('expert1'), person('expert2')]);
  await caller.call(callee);
  await expect(caller.page.getByTestId('local-video')).toBeVisible();
  await callee.answer(caller);
  await Promise.all([caller.connected(), callee.sees()]);
  await expect(caller.button('Switch camera')).toBeHidden();
});
