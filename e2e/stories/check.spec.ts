import { desk, looksGood, phone } from '../support/looks.ts';
import { expect, test } from '../support/story.ts';

for (const [size, look] of Object.entries({ phone, desk })) {
  test(`somebody who has no login tests device and network on a ${size}, and sends the result on`, async ({ stranger }) => {
    const { page, context } = await stranger('expert1', look);
    await page.getByRole('link', { name: 'Test this device and network' }).click();
    await looksGood(page, `${size}-check-start`);
    await page.getByRole('button', { name: 'Start the test', exact: true }).click();
    await expect(page.getByRole('button', { name: 'Test here again', exact: true })).toBeVisible({ timeout: 30_000 });
    for (const step of ['camera', 'microphone']) await expect(page.getByTestId(`check-${step}`)).toContainText('Works');
    for (const step of ['webSocket', 'udp', 'tcp']) {
      await expect(page.getByTestId(`check-${step}`)).toContainText(/Connected, \d+ ms/);
    }
    for (const step of ['down', 'up']) await expect(page.getByTestId(`check-${step}`)).toContainText(/[\d.]+ Mbit\/s/);
    await expect(page.getByTestId('check-advice')).toContainText('Everything a call needs gets through');
    await looksGood(page, `${size}-check`);

    const link = await page.getByLabel('Link to the results').inputValue();
    expect(link).not.toContain('expert1');
    const other = await context.newPage();
    await other.goto(link);
    await expect(other.getByTestId('check-udp')).toContainText(/Connected, \d+ ms/);
    await expect(other.getByTestId('check-advice')).toContainText('Everything a call needs gets through');
    await looksGood(other, `${size}-check-received`);
  });
}

test('where UDP is blocked the test says what the IT department must open', async ({ stranger, server }) => {
  const { page, context } = await stranger('expert1');
  await context.addInitScript(blockUdp);
  await page.goto('/check');
  await page.getByRole('button', { name: 'Start the test', exact: true }).click();
  await expect(page.getByTestId('check-udp')).toContainText('Failed', { timeout: 30_000 });
  await expect(page.getByTestId('check-tcp')).toContainText('Connected');
  const port = new URL(server.url).port;
  await expect(page.getByTestId('check-advice')).toContainText(`open UDP ${port} to 127.0.0.1`, { timeout: 30_000 });
  await looksGood(page, 'desk-check-blocked');
});

/** Runs in the page: as a firewall that swallows UDP, so that none of it reaches the server's address. */
function blockUdp(): void {
  const { prototype } = RTCPeerConnection;
  const original: (this: RTCPeerConnection, to: RTCSessionDescriptionInit) => Promise<void> =
    prototype.setRemoteDescription;
  prototype.setRemoteDescription = function (this: RTCPeerConnection, { type, sdp }: RTCSessionDescriptionInit) {
    const without = (sdp ?? '').replace(/^(a=candidate:\S+ \d+ udp \d+) \S+ \d+/gim, '$1 192.0.2.1 9');
    return original.call(this, { type, sdp: without });
  };
}
