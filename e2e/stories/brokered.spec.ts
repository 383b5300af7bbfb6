import { contact } from '../support/api.ts';
import { expect, test } from '../support/story.ts';

test('a connector brings an expert and a technician together', async ({ person, api }) => {
  const [expert, glasses, connector] = await Promise.all([person('tester'), person('glasses1'), api('connector1')]);
  const [expertUser, glassesUser] = [(await api('tester')).user, (await api('glasses1')).user];

  const created = await connector.createCall({
    callTitle: 'Pump 7 leaks',
    callReason: 'STANDARD',
    callType: 'MESH',
    creatorUser: glassesUser.userDbId,
    invitedContacts: [contact(expertUser), contact(connector.user)],
    invitedTeams: [],
    joinAnonymousAllowed: false,
    informOthersDirectly: true,
    plannedDateTime: null,
  });
  expect(created).toMatchObject({ callTitle: 'Pump 7 leaks', callType: 'MESH', callStatus: 'Planned' });
  expect(created.creatorContact.userId).toBe('glasses1');

  await test.step('the expert is rung, the technician is not', async () => {
    await expect(expert.ringsFrom(glasses)).toBeVisible();
    await connector.tells(created.callId, ['Created glasses1'], 'Planned');
    await expect(glasses.ring).toBeHidden();
  });

  await test.step('when the expert has taken the call, the technician is rung', async () => {
    await expert.answer(glasses);
    await expect(expert.connection).toHaveText(`${glasses.name} sees your call…`);
    await glasses.answer(expert);
  });

  await test.step('they see and hear each other, peer to peer', async () => {
    await Promise.all([expert.connected(), glasses.connected()]);
    await Promise.all([expert.seesAndHears(), glasses.seesAndHears()]);
    const joined = ['Created glasses1', 'Join tester', 'Join glasses1'];
    await connector.tells(created.callId, joined, 'Started');
  });

  await test.step('the technician hangs up, and the call is over for both', async () => {
    await glasses.press('Hang up');
    await glasses.endedBecause('You hung up.');
    await expert.endedBecause('The call was hung up.');
    const story = [
      'Created glasses1',
      'Join tester',
      'Join glasses1',
      'Leave glasses1',
      'Leave tester',
      'Ended glasses1',
    ];
    await connector.tells(created.callId, story, 'Ended');
  });
});

test('of several experts the first to answer takes the call, and the others fall silent', async ({ person, api }) => {
  const [first, second, glasses, connector] = await Promise.all([
    person('expert1'),
    person('expert2'),
    person('glasses1'),
    api('connector1'),
  ]);
  const users = await Promise.all(['expert1', 'expert2', 'glasses1'].map(async (name) => (await api(name)).user));
  const { callId } = await connector.createCall({
    callType: 'MESH',
    creatorUser: users[2]?.userDbId,
    invitedContacts: users.slice(0, 2).map(contact),
  });

  await expect(first.ringsFrom(glasses)).toBeVisible();
  await expect(second.ringsFrom(glasses)).toBeVisible();
  await second.answer(glasses);
  await expect(first.ring).toBeHidden();
  await expect(first.page.getByText(`Somebody else answered ${glasses.name}.`)).toBeVisible();
  await glasses.answer(second);
  await Promise.all([second.seesAndHears(), glasses.seesAndHears()]);
  await connector.tells(callId, ['Created glasses1', 'Join expert2', 'Join glasses1'], 'Started');
});

test.describe('a technician who does not answer', () => {
  test.use({ settings: { creatorRingSeconds: 2 } });

  test('can be rung again by the expert', async ({ person, api }) => {
    const [expert, glasses, connector] = await Promise.all([person('tester'), person('glasses1'), api('connector1')]);
    const [expertUser, glassesUser] = [(await api('tester')).user, (await api('glasses1')).user];
    const { callId } = await connector.createCall({
      callType: 'MESH',
      creatorUser: glassesUser.userDbId,
      invitedContacts: [contact(expertUser), contact(connector.user)],
    });

    await expert.answer(glasses);
    await expect(glasses.ringsFrom(expert)).toBeVisible();
    await expect(expert.connection).toHaveText(`${glasses.name} did not answer`);
    await expect(glasses.ring).toBeHidden();
    await connector.tells(callId, ['Created glasses1', 'Join tester', 'Missed glasses1'], 'Started');

    await expert.press(`Ring ${glasses.name} again`);
    await glasses.answer(expert);
    await Promise.all([expert.seesAndHears(), glasses.seesAndHears()]);
    await connector.tells(callId, ['Created glasses1', 'Join tester', 'Missed glasses1', 'Join glasses1'], 'Started');
  });
});
