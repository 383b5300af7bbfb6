import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Browser } from '@playwright/test';
import { contact } from '../support/api.ts';
import { type Look, Person } from '../support/person.ts';
import { expert as desktop, pump } from '../support/scenes.ts';
import { checkout } from '../support/server.ts';
import { expect, test } from '../support/story.ts';

/** A film of one picture, as Chromium takes it for a camera. */
async function film(browser: Browser, drawing: string, file: string): Promise<string> {
  const page = await browser.newPage({ viewport: { width: 1280, height: 720 } });
  await page.setContent(drawing);
  const picture = await page.screenshot({ type: 'jpeg', quality: 90 });
  await page.close();
  await writeFile(file, Buffer.concat([picture, picture]));
  return file;
}

test('the picture for the README shows a call as it is', async ({
  browser,
  playwright,
  server,
  api,
  launchOptions,
}, info) => {
  const films = [
    await film(browser, pump, info.outputPath('pump.mjpeg')),
    await film(browser, desktop, info.outputPath('desk.mjpeg')),
  ];
  const browsers = await Promise.all(
    films.map((file) => {
      const args = [...(launchOptions.args ?? []), `--use-file-for-fake-video-capture=${file}`];
      return playwright.chromium.launch({ ...launchOptions, args });
    }),
  );
  const [atPump, atDesk] = browsers as [Browser, Browser];
  const look: Look = { viewport: { width: 1280, height: 720 }, colorScheme: 'light', fullPicture: true };
  const [glasses, expert] = await Promise.all([
    Person.open(atPump, server.url, 'glasses1', look),
    Person.open(atDesk, server.url, 'tester', look),
  ]);
  for (const one of [glasses, expert]) {
    await one.signIn();
    await one.ready();
  }
  const [maker, technician, invited] = [await api('connector1'), await api('glasses1'), await api('tester')];
  await maker.createCall({
    callTitle: 'Pump 7 leaks',
    callType: 'MESH',
    creatorUser: technician.user.userDbId,
    invitedContacts: [contact(invited.user)],
  });
  await expert.answer(glasses);
  await glasses.answer(expert);
  await Promise.all([expert.sees(), glasses.sees()]);
  await expert.connected();
  await expect(expert.page.getByRole('heading', { name: glasses.name, exact: true })).toBeVisible();

  // Only on demand: a test leaves the checkout as it was.
  const file = process.env.E2E_SAVE_IMAGES ? join(checkout, 'docs/images/call.png') : info.outputPath('call.png');
  await mkdir(dirname(file), { recursive: true });
  await expert.page.screenshot({ path: file });
  await Promise.all(browsers.map((one) => one.close()));
});
