import e2e from '../../e2e/playwright.config.ts';

const { launchOptions } = e2e.use ?? {};
/** The stories save time by a slow camera; here the next picture must not be what is waited for. */
const args = launchOptions?.args?.map((flag) => flag.replace('=fps=10', '=fps=30'));

/** The browser and the harness of the stories, for the one figure that needs a browser. */
export default {
  ...e2e,
  outputDir: '../../e2e/results/bench',
  reporter: 'line',
  workers: 1,
  timeout: 600_000,
  use: { ...e2e.use, screenshot: 'off', launchOptions: { ...launchOptions, args } },
  projects: [{ name: 'bench', testDir: '.', testMatch: 'accept.ts' }],
};
