import e2e from '../../e2e/playwright.config.ts';

const { launchOptions } = e2e.use ?? {};
/** The stories save time by a slow camera; here the next picture must not be what is waited for. */
const faster = launchOptions?.args?.map((flag) => flag.replace('=fps=10', '=fps=30')) ?? [];
/** A tone of the page's own is its microphone. */
const args = [...faster, '--autoplay-policy=no-user-gesture-required'];

/** The browser and the harness of the stories, for the figures that need a browser. */
export default {
  ...e2e,
  outputDir: '../../e2e/results/bench',
  reporter: 'line',
  workers: 1,
  timeout: 600_000,
  use: { ...e2e.use, screenshot: 'off', launchOptions: { ...launchOptions, args } },
  projects: ['accept', 'badnet'].map((name) => ({ name, testDir: '.', testMatch: `${name}.ts` })),
};
