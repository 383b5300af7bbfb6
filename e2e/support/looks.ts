import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Page } from '@playwright/test';
import axe from 'axe-core';
import { expect } from './story.ts';

export const phone = { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true, deviceScaleFactor: 2 };
export const desk = { viewport: { width: 1280, height: 800 } };

const pictures = new URL('../results/looks/', import.meta.url).pathname;

/** What every view promises, light and dark: nothing a person cannot use, and nothing wider than the screen. */
export async function looksGood(page: Page, view: string): Promise<void> {
  await mkdir(pictures, { recursive: true });
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
    await settled(page);
    await page.screenshot({ path: join(pictures, `${view}-${colorScheme}.png`) });
    expect(await violations(page), `${view}, ${colorScheme}: accessibility`).toEqual([]);
  }
  await expectLabels(page, view);
  const overhang = await page.evaluate(
    () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
  );
  expect(overhang, `${view}: pixels wider than the screen`).toBe(0);
}

/** Colours change by transition: waits until the last one is through. */
async function settled(page: Page): Promise<void> {
  await page.evaluate(async () => {
    await new Promise((painted) => requestAnimationFrame(() => requestAnimationFrame(painted)));
    const ending = document.getAnimations().filter(({ effect }) => effect?.getComputedTiming().endTime !== Infinity);
    await Promise.allSettled(ending.map(({ finished }) => finished));
  });
}

/** What axe-core finds serious, one line for each place. */
async function violations(page: Page): Promise<string[]> {
  await page.evaluate(axe.source);
  const found = await page.evaluate(async () => {
    const { axe } = window as unknown as { axe: typeof import('axe-core') };
    return (await axe.run(document, { resultTypes: ['violations'] })).violations;
  });
  const serious = found.filter(({ impact }) => impact === 'serious' || impact === 'critical');
  return serious.flatMap(({ id, nodes }) =>
    nodes.map(({ html, any, all }) => `${id}: ${html} ${[...any, ...all].map(({ message }) => message).join('; ')}`),
  );
}

/** Each control has a label to be seen and spoken, and no two on a screen have the same. */
export async function expectLabels(page: Page, view: string): Promise<void> {
  const labels = await page.evaluate(labelsOnScreen);
  expect(labels.length, `${view}: controls`).toBeGreaterThan(0);
  expect(
    labels.filter(({ label }) => label === '').map(({ html }) => html),
    `${view}: controls without a label`,
  ).toEqual([]);
  const differing = labels.filter(({ label, name }) => name !== '' && !name.includes(label));
  expect(differing, `${view}: controls that are called otherwise than what they show`).toEqual([]);
  const spoken = labels.map(({ label }) => label.toLowerCase());
  expect(
    spoken.filter((label, index) => spoken.indexOf(label) !== index),
    `${view}: labels used twice`,
  ).toEqual([]);
}

/** Runs in the page. */
function labelsOnScreen(): { label: string; name: string; html: string }[] {
  const controls =
    'button, a[href], input:not([type=hidden]), select, textarea, summary, [role=button], [role=switch], [role=tab]';
  const modal = document.querySelector('[aria-modal=true], dialog:modal');
  const seen = (element: Element): boolean => {
    const { width, height } = element.getBoundingClientRect();
    const shown = element.checkVisibility({ opacityProperty: true, visibilityProperty: true });
    return shown && width > 4 && height > 4 && !element.closest('[inert], [aria-hidden=true]');
  };
  const text = (element: Element): string => {
    const walker = document.createTreeWalker(element, NodeFilter.SHOW_TEXT);
    let words = '';
    while (walker.nextNode()) {
      const parent = walker.currentNode.parentElement;
      if (parent && seen(parent)) words += walker.currentNode.textContent;
    }
    return words.replace(/\s+/g, ' ').trim();
  };
  const labelled = (control: Element): string => {
    const own = 'labels' in control ? (control as HTMLInputElement).labels : null;
    return own?.length && !(control instanceof HTMLButtonElement) ? [...own].map(text).join(' ') : text(control);
  };
  return [...(modal ?? document).querySelectorAll(controls)].filter(seen).map((control) => ({
    label: labelled(control),
    name: control.getAttribute('aria-label') ?? '',
    html: control.outerHTML.slice(0, 200),
  }));
}
