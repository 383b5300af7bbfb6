import { expect, test } from '../support/story.ts';

test.use({ settings: { tls: true } });

test('two people whose firewalls let nothing through but HTTPS see and hear each other', async ({ person }) => {
  const look = { relayOnly: true, ignoreHTTPSErrors: true };
  const [caller, callee] = await Promise.all([person('expert1', look), person('expert2', look)]);
  await caller.call(callee);
  await callee.answer(caller);
  // They look for a direct path first, and find none.
  await Promise.all([caller.throughServer(), callee.throughServer()]);
  await Promise.all([caller.seesAndHearsAll(1), callee.seesAndHearsAll(1)]);
  for (const one of [caller, callee]) {
    const protocols = () => one.page.evaluate(() => window.relayProtocols());
    await expect.poll(protocols, 'addresses on the relay, over TLS').toContain('tls');
    expect([...new Set(await protocols())], 'and none else').toEqual(['tls']);
  }
});
