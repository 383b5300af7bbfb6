import { expect } from '@playwright/test';
import type { Person } from './person.ts';

/** What is going to be waited for takes as long as a link takes to show what it carries, on a busy machine. */
const PATIENCE = { timeout: 90_000 };

export async function reads(person: Person, ...words: string[]): Promise<void> {
  await expect(person.page.getByTestId('shortage')).toHaveText(words, PATIENCE);
}

export async function readsNothing(person: Person): Promise<void> {
  await expect(person.page.getByTestId('shortage')).toHaveCount(0, PATIENCE);
}

/** Pictures come, each newer than the last. */
export async function seesStills({ page }: Person): Promise<void> {
  const still = page.getByTestId('still');
  await expect(still).toBeVisible(PATIENCE);
  const first = await still.getAttribute('src');
  await expect(still).not.toHaveAttribute('src', first ?? '', PATIENCE);
}
