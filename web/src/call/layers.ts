/**
 * Simulcast: the camera's picture in several sizes at once, lowest first; the server sends each viewer the one that fits.
 * libwebrtc sends fewer sizes of a small picture, and always the first ones. Were these the smallest, nobody would ever see
 * such a picture as it is: so a small picture has fewer steps, and the last that is sent is the whole picture.
 */

import type { LayerRate } from '../api/types';
import { hidden, type Sending } from './ladder';

interface Step {
  /** How many times smaller than the camera's. */
  scale: number;
  maxBitrate: number;
}

const RIDS = ['q', 'h', 'f'];
const LARGE: Step[] = [
  { scale: 4, maxBitrate: 150_000 },
  { scale: 2, maxBitrate: 500_000 },
  { scale: 1, maxBitrate: 1_700_000 },
];
/** From so many pixels on there are so many sizes. */
const STEPS: { pixels: number; steps: Step[] }[] = [
  { pixels: 960 * 540, steps: LARGE },
  {
    pixels: 480 * 270,
    steps: [
      { scale: 2, maxBitrate: 150_000 },
      { scale: 1, maxBitrate: 600_000 },
    ],
  },
  { pixels: 0, steps: [{ scale: 1, maxBitrate: 150_000 }] },
];

/** Frames that can be left out for a viewer whose link is weak. Browsers that do not know the word leave it out. */
const SLOWABLE = { scalabilityMode: 'L1T3' };
/** Frames that refer to the one before: over a weak link of one's own the same bits show twice as many. */
const THRIFTY = { scalabilityMode: 'L1T1' };

/** Those a line is made with; what is agreed on with the server is the number and the names. */
export const ENCODINGS: RTCRtpEncodingParameters[] = LARGE.map((step, i) => ({
  rid: RIDS[i],
  ...SLOWABLE,
  ...encoding(step),
}));

/** A screen is sent in one size, with room for its letters. */
export const SCREEN: RTCRtpEncodingParameters[] = [{ ...SLOWABLE, maxBitrate: 2_500_000 }];

/** The server asks for no more of a size that is not the largest. */
const MOST_TOLD_KBIT = 600;
/** From such a size on libwebrtc gives it all of its limit, if that is no more than this here. */
const UNBOUND_PIXELS = 480 * 270;

/** Sound, and what surrounds it and the pictures, in kbit/s. */
const BESIDE_KBIT = 120;

/** How a camera's picture is to be sent. */
export interface Way {
  sending: Sending;
  /** In frames that refer to the one before. */
  thrifty: boolean;
  /** What the server would like sizes to take, because its viewers can. */
  rates: readonly LayerRate[];
}

/** What would be sent if the link carried it, in kbit/s. */
export function wantedKbit(track: MediaStreamTrack, way: Way): number {
  const bits = within(sizes(track, way), way.sending).reduce((sum, { maxBitrate }) => sum + maxBitrate, 0);
  return bits / 1000 + BESIDE_KBIT;
}

function sizes(track: MediaStreamTrack, { rates, thrifty }: Way): Step[] {
  const { width = 1280, height = 720 } = track.getSettings();
  const steps = STEPS.find(({ pixels }) => width * height >= pixels)?.steps ?? LARGE;
  return steps.map((step, i) => {
    const told = rates.find(({ rid }) => rid === RIDS[i])?.kbitPerSecond;
    if (told === undefined) return step;
    const bits = Math.min(told, MOST_TOLD_KBIT) * 1000;
    const small = (width * height) / step.scale ** 2 < UNBOUND_PIXELS;
    // Beside a larger size libwebrtc gives a small one three quarters of its limit. Over a weak link there is none beside it.
    const limit = i === 0 && small && !thrifty ? (bits * 4) / 3 : bits;
    return { ...step, maxBitrate: i === 0 ? Math.max(limit, step.maxBitrate) : Math.min(limit, step.maxBitrate) };
  });
}

function encoding(step: Step | undefined): RTCRtpEncodingParameters {
  return step
    ? { active: true, scaleResolutionDownBy: step.scale, maxBitrate: step.maxBitrate }
    : { active: false, scaleResolutionDownBy: 1 };
}

/** Fits the sizes to the camera's picture, and to what may be sent. */
export async function fitLayers(sender: RTCRtpSender, track: MediaStreamTrack, way: Way): Promise<void> {
  const steps = within(sizes(track, way), way.sending);
  const parameters = sender.getParameters();
  parameters.encodings = parameters.encodings.map((known, i) => ({
    ...known,
    // Where the word was left out it may be refused now.
    ...('scalabilityMode' in known && (way.thrifty ? THRIFTY : SLOWABLE)),
    ...encoding(steps[i]),
  }));
  await sender.setParameters(parameters);
}

/** The lowest sizes that fit together, the first of them in any case. */
function within(steps: Step[], { rung, kbit }: Sending): Step[] {
  if (hidden(rung)) return [];
  let left = (kbit ?? Number.POSITIVE_INFINITY) * 1000;
  const fitting: Step[] = [];
  for (const step of steps) {
    if (fitting.length > 0 && step.maxBitrate > left) break;
    fitting.push({ ...step, maxBitrate: Math.min(step.maxBitrate, left) });
    left -= step.maxBitrate;
  }
  return fitting;
}

/** Straight to another person the picture goes out once, and this page makes it fit: smaller first, then slower. */
export async function fitOne(sender: RTCRtpSender, source: 'camera' | 'screen', sending: Sending): Promise<void> {
  const { rung, kbit } = sending;
  const parameters = sender.getParameters();
  // A sender that has never been negotiated has none.
  if (parameters.encodings.length === 0) return;
  const slow = rung === 'slow' || (source === 'screen' && rung === 'smaller');
  parameters.encodings = parameters.encodings.map((known) => {
    const { maxBitrate: _, maxFramerate: __, ...rest } = known;
    return {
      ...rest,
      active: !hidden(rung),
      scaleResolutionDownBy: source === 'camera' && rung !== 'full' ? 2 : 1,
      ...(kbit !== undefined && { maxBitrate: kbit * 1000 }),
      ...(slow && { maxFramerate: SLOW_FRAMES }),
    };
  });
  await sender.setParameters(parameters);
}

/** A second. */
const SLOW_FRAMES = 8;
