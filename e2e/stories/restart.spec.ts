import { talking } from '../support/calls.ts';
import { expect, test } from '../support/story.ts';

for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
  test(`both pages survive a restart of the server in mid-call (${signal})`, async ({ person, api, server }) => {
    const { caller, callee, callId } = await talking(person, api);

    await test.step('without the server, picture and sound go on', async () => {
      await server.stop(signal);
      await Promise.all([caller, callee].map((one) => expect(one.page.getByTestId('server-lost')).toBeVisible()));
      await Promise.all([caller.seesAndHears(), callee.seesAndHears()]);
    });

    await test.step('with the server back, the pages are back, and the media was never interrupted', async () => {
      await server.run();
      await Promise.all([caller, callee].map((one) => expect(one.page.getByTestId('server-lost')).toBeHidden()));
      await Promise.all([caller.seesAndHears(), callee.seesAndHears()]);
      for (const one of [caller, callee]) {
        expect((await one.received()).connections, 'the same connection as before').toBe(1);
      }
    });

    const log = await api('expert1');
    const joined = ['Created expert1', 'Join expert1', 'Join expert2'];
    await log.tells(callId, joined, 'Started');
    await callee.press('Hang up');
    await caller.endedBecause('The call was hung up.');
    await log.tells(callId, [...joined, 'Leave expert2', 'Leave expert1', 'Ended expert2'], 'Ended');
  });
}

test('a call that rings goes on ringing after a restart, and can be answered', async ({ person, api, server }) => {
  const [caller, callee] = await Promise.all([person('expert1'), person('expert2')]);
  await caller.call(callee);
  await expect(callee.ringsFrom(caller)).toBeVisible();
  await server.stop('SIGKILL');
  await server.run();
  await callee.answer(caller);
  await Promise.all([caller.seesAndHears(), callee.seesAndHears()]);
  const log = await api('expert1');
  const { callId } = await log.onlyCall();
  await log.tells(callId, ['Created expert1', 'Join expert1', 'Join expert2'], 'Started');
});
