import { expect, test } from '../support/story.ts';

test('a technician asks a team for help, reads the place, and an expert takes the request', async ({ person, api }) => {
  const admin = await api('admin');
  const users = await Promise.all(['expert1', 'expert2'].map(async (name) => (await api(name)).user));
  await admin.createTeam('Pumps', users);
  const [technician, expert, colleague] = await Promise.all([person('glasses1'), person('expert1'), person('expert2')]);

  await test.step('the request waits, and nobody is rung', async () => {
    await technician.page.getByRole('combobox', { name: 'Team' }).selectOption('Pumps');
    await technician.page.getByRole('textbox', { name: 'What is it about?' }).fill('Pump 7 leaks');
    await technician.press('Ask for help');
    await expect(technician.page.getByTestId('request-place')).toContainText('Place 1 of 1.');
    await expect(expert.page.getByTestId('newest-request')).toContainText(`${technician.name} asks for help: Pump 7 leaks`);
    await expect(expert.ring).toBeHidden();
    await expect(colleague.button(`Help ${technician.name}`)).toBeVisible();
  });

  await test.step('one takes it, and it is gone for the other', async () => {
    await expert.press(`Help ${technician.name}`);
    await expect(colleague.button(`Help ${technician.name}`)).toBeHidden();
    await technician.answer(expert);
    await Promise.all([expert.seesAndHears(), technician.seesAndHears()]);
  });

  await test.step('it is handed over to the colleague, and the first one leaves', async () => {
    await expert.press('Hand over');
    await expert.page.getByRole('textbox', { name: 'What should the other one know?' }).fill('The valve is shut already');
    await expert.press(`Hand over to ${colleague.name}`);
    await colleague.answer(technician);
    await Promise.all([colleague.seesAndHears(), technician.seesAndHears()]);
    await expect(expert.page.getByRole('heading', { name: 'Call ended', exact: true })).toBeVisible();
  });

  await test.step('the story tells it', async () => {
    await technician.press('Hang up');
    await technician.press('Show this call’s story');
    await expect(technician.page.getByText(`${expert.name} took the request.`)).toBeVisible();
    await expect(technician.page.getByText('The valve is shut already')).toBeVisible();
  });
});

test('a request can be put off: somebody promises to call back', async ({ person, api }) => {
  const admin = await api('admin');
  await admin.createTeam('Pumps', [(await api('expert1')).user]);
  const [technician, expert] = await Promise.all([person('glasses1'), person('expert1')]);
  await technician.page.getByRole('combobox', { name: 'Team' }).selectOption('Pumps');
  await technician.press('Ask for help');

  await expert.press(`Call ${technician.name} back later`);
  const at = new Date(Date.now() + 3_600_000);
  const local = new Date(at.getTime() - at.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
  await expert.page.getByLabel(`When to call back: ${technician.name}`).fill(local);
  await expert.press(`Promise it: ${technician.name}`);
  await expect(expert.page.getByText('To be called back at')).toBeVisible();
  await expect(technician.page.getByTestId('request-place')).toContainText('You will be called back at');

  await expert.press(`Help ${technician.name}`);
  await technician.answer(expert);
  await Promise.all([expert.seesAndHears(), technician.seesAndHears()]);
});
