/**
 * Simulcast: the camera's picture in several sizes at once, lowest first; the server sends each viewer the one that fits.
 * libwebrtc sends fewer sizes of a small picture, and always the first ones. Were these the smallest, nobody would ever see
 * such a picture as it is: so a small picture has fewer steps, and the last that is sent is the whole picture.
 */

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

/** Those a line is made with; what is agreed on with the server is the number and the names. */
export const ENCODINGS: RTCRtpEncodingParameters[] = LARGE.map((step, i) => ({ rid: RIDS[i], ...encoding(step) }));

/** A screen is sent in one size, with room for its letters. */
export const SCREEN: RTCRtpEncodingParameters[] = [{ maxBitrate: 2_500_000 }];

function encoding(step: Step | undefined): RTCRtpEncodingParameters {
  return step
    ? { active: true, scaleResolutionDownBy: step.scale, maxBitrate: step.maxBitrate }
    : { active: false, scaleResolutionDownBy: 1 };
}

/** Fits the sizes to the camera's picture. */
export async function fitLayers(sender: RTCRtpSender, track: MediaStreamTrack): Promise<void> {
  const { width = 1280, height = 720 } = track.getSettings();
  const steps = STEPS.find(({ pixels }) => width * height >= pixels)?.steps ?? LARGE;
  const parameters = sender.getParameters();
  parameters.encodings = parameters.encodings.map((known, i) => ({ ...known, ...encoding(steps[i]) }));
  await sender.setParameters(parameters);
}
