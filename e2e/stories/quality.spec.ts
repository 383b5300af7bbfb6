import { talking } from '../support/calls.ts';
import { looksGood, phone } from '../support/looks.ts';
import { expect, test } from '../support/story.ts';

test('whoever asks how good the call is gets words and figures, and the log keeps them', async ({ person, api }) => {
  const { caller, callee, api: log, callId } = await talking(person, api);
  // From then on there are measurements, and the server has been told.
  for (const { page } of [caller, callee]) await expect(page.getByTestId('signal-bars')).toHaveCount(2);
  await caller.page.keyboard.press('Tab');
  await caller.button('Call quality').focus();
  await caller.page.keyboard.press('Enter');
  const panel = caller.page.getByRole('dialog');
  await expect(panel.getByText('Direct, UDP', { exact: true })).toBeVisible();
  await expect(panel.getByText(/^\d+ kbit\/s$/)).toHaveCount(2);
  await expect(panel.getByText(/^\d+ ms$/)).toHaveCount(2);
  await caller.page.keyboard.press('Escape');
  await expect(panel).toBeHidden();

  await caller.press('Hang up');
  await callee.endedBecause('The call was hung up.');
  const { callStatistics } = await log.log(callId);
  expect(callStatistics.map(({ contact, why }) => [contact.userId, why])).toEqual([
    ['expert1', 'hungUp'],
    ['expert2', 'callEnded'],
  ]);
  for (const { paths, measuredSeconds, kbitPerSecondIn, rttMs } of callStatistics) {
    expect(measuredSeconds).toBeGreaterThan(0);
    expect(paths).toEqual([expect.objectContaining({ path: 'direct', mode: 'p2p' })]);
    expect(kbitPerSecondIn?.max).toBeGreaterThan(20);
    expect(rttMs?.mean).toBeLessThan(1_000);
  }
});

for (const [size, look] of Object.entries({ phone, desk: {} })) {
  test(`a bad call says on a ${size} why it is bad`, async ({ person, api }) => {
    const { caller } = await talking(person, api, look);
    await caller.page.evaluate(spoilStatistics);
    const own = caller.page.getByRole('img', { name: 'Connection of You: very bad', exact: true });
    await expect(own).toBeVisible();
    await looksGood(caller.page, `${size}-call-bad`);
    await caller.press('Call quality');
    await expect(caller.page.getByRole('heading', { name: 'Why is it bad?', exact: true })).toBeVisible();
    const reasons = caller.page.getByTestId('quality-reasons').getByRole('listitem');
    await expect(reasons.first()).toContainText('Much of what the others send is lost');
    await expect(reasons.nth(1)).toContainText('This device is too slow for its picture');
    await looksGood(caller.page, `${size}-quality`);
  });
}

/** Runs in the page: as if every third packet were lost, and the machine were too slow. */
function spoilStatistics(): void {
  const { prototype } = RTCPeerConnection;
  const original: () => Promise<RTCStatsReport> = prototype.getStats;
  prototype.getStats = async function (this: RTCPeerConnection) {
    const spoilt = new Map<string, RTCStats>();
    for (const [id, stat] of (await original.call(this)).entries()) {
      const { type, packetsReceived = 0, kind } = stat;
      if (type === 'inbound-rtp') spoilt.set(id, { ...stat, packetsLost: packetsReceived / 2 });
      else if (type === 'outbound-rtp' && kind === 'video') spoilt.set(id, { ...stat, qualityLimitationReason: 'cpu' });
      else spoilt.set(id, stat);
    }
    return spoilt as unknown as RTCStatsReport;
  } as typeof prototype.getStats;
}
