import { defineConfig } from '@playwright/test';

/** Fake devices, calls within this machine, and no connection to anywhere else. */
const flags = [
  '--use-fake-ui-for-media-stream',
  '--use-fake-device-for-media-stream=fps=10',
  '--allow-loopback-in-peer-connection',
  // For the relay within TLS; pages are told by their context.
  '--ignore-certificate-errors',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

const isRoot = process.getuid?.() === 0;

export default defineConfig({
  outputDir: 'results/run',
  fullyParallel: true,
  // A call takes two pages that encode and decode; more at once makes a small machine late, and late looks like broken.
  workers: 2,
  // A story that passes at the second try has found something.
  retries: 0,
  timeout: 60_000,
  expect: { timeout: 10_000 },
  reporter: [['list'], ['./support/reporter.ts']],
  use: {
    browserName: 'chromium',
    screenshot: 'only-on-failure',
    launchOptions: {
      executablePath: process.env.E2E_CHROMIUM ?? '/usr/bin/chromium',
      args: flags,
      chromiumSandbox: !isRoot,
    },
  },
  projects: [
    { name: 'stories', testDir: 'stories' },
    { name: 'examples', testDir: 'examples' },
    // Here pages judge a link by how late everything is: they must be late for no other reason.
    { name: 'alone', testDir: 'alone', workers: 1, dependencies: ['stories', 'examples'] },
  ],
});
