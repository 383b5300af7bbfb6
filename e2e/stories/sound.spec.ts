import type { Page } from '@playwright/test';
import { conference } from '../support/calls.ts';
import { expect, test } from '../support/story.ts';

declare global {
  interface Window {
    /** The loudest the page has made through Web Audio while this much of the audio clock went by. */
    loudest: (seconds: number) => Promise<number>;
  }
}

/** Runs in the page before anything else: listens in on the way to the loudspeaker. */
function listenIn(): void {
  const ears: AnalyserNode[] = [];
  window.AudioContext = class extends AudioContext {
    private readonly ear = new AnalyserNode(this, { fftSize: 32_768 });

    constructor() {
      super();
      this.ear.connect(super.destination);
      ears.push(this.ear);
    }

    override get destination(): AudioDestinationNode {
      return this.ear as unknown as AudioDestinationNode;
    }
  };
  window.loudest = async (seconds) => {
    const [ear] = ears;
    if (ear?.context.state !== 'running') return 0;
    const samples = new Float32Array(ear.fftSize);
    let loudest = 0;
    for (const end = ear.context.currentTime + seconds; ear.context.currentTime < end; ) {
      await new Promise((painted) => requestAnimationFrame(painted));
      ear.getFloatTimeDomainData(samples);
      // Only what is new since the last look, some tenths of a second at the most.
      loudest = samples.slice(-4096).reduce((most, sample) => Math.max(most, Math.abs(sample)), loudest);
    }
    return loudest;
  };
}

/** A whole round of the ring tone, with the pause in it. */
const ROUND_S = 2.5;
const loudest = (page: Page) => page.evaluate((seconds) => window.loudest(seconds), ROUND_S);

test('a ring is heard until it is answered', async ({ person, stranger }) => {
  const [caller, callee] = await Promise.all([person('expert1'), stranger('expert2')]);
  await callee.context.addInitScript(listenIn);
  await callee.page.reload();
  await callee.signIn();
  await callee.ready();
  expect(await callee.page.evaluate(() => window.loudest(0.5)), 'before it rings').toBe(0);

  await caller.call(callee);
  await expect(callee.ringsFrom(caller)).toBeVisible();
  expect(await loudest(callee.page), 'while it rings').toBeGreaterThan(0.05);

  await callee.answer(caller);
  await Promise.all([caller.connected(), callee.connected()]);
  const tail = () => callee.page.evaluate(() => window.loudest(0.1));
  await expect.poll(tail, 'after the last stroke').toBeLessThan(0.001);
  expect(await loudest(callee.page), 'in the call').toBeLessThan(0.001);
});

/** Runs in the page before anything else: the microphone opens only after a sound was refused, which goes to the console. */
function openAfterSound(): void {
  const { mediaDevices } = navigator;
  const open = mediaDevices.getUserMedia.bind(mediaDevices);
  const { play } = HTMLMediaElement.prototype;
  const refused = new Promise<void>((resolve) => {
    HTMLMediaElement.prototype.play = async function () {
      try {
        await play.call(this);
      } catch (error) {
        console.info('refused to sound');
        resolve();
        throw error;
      }
    };
  });
  mediaDevices.getUserMedia = async (constraints) => {
    await refused;
    return open(constraints);
  };
}

test('a reloaded page is heard as soon as it records, without a click', async ({ person, api }) => {
  const { people } = await conference(person, api);
  const [first, second] = people;
  await second.context.addInitScript(openAfterSound);
  // Nothing is asked of the page until then: a question by the test counts as a click.
  await Promise.all([
    second.page.waitForEvent('console', (message) => message.text() === 'refused to sound'),
    second.page.reload({ waitUntil: 'commit' }),
  ]);
  await Promise.all([first, second].map((one) => one.seesAndHearsAll(2)));
  await expect(second.page.getByRole('button', { name: 'Turn sound on', exact: true })).toBeHidden();
});
