/** Reads QR codes from a camera: with the browser's own reader where there is one, else with a program that is loaded only then. */

/** What stands in the picture, if there is a code in it. */
export type Reader = (video: HTMLVideoElement) => Promise<string | undefined>;

/** Not in TypeScript's library, and not in every browser. */
interface Detector {
  detect(image: HTMLVideoElement): Promise<{ rawValue: string }[]>;
}
interface Detectors {
  new (options: { formats: string[] }): Detector;
  getSupportedFormats(): Promise<string[]>;
}

/** Pixels of the longer side that are looked at: enough for a code that fills a third of the picture, and few enough for slow glasses. */
const LOOK_AT = 800;

export async function qrReader(detectors = own()): Promise<Reader> {
  const formats = detectors ? await detectors.getSupportedFormats().catch(() => []) : [];
  if (detectors && formats.includes('qr_code')) {
    const detector = new detectors({ formats: ['qr_code'] });
    return async (video) => (await detector.detect(video).catch(() => []))[0]?.rawValue;
  }
  const { default: decode } = await import('qr/decode.js');
  const canvas = document.createElement('canvas');
  const paper = canvas.getContext('2d', { willReadFrequently: true });
  return async (video) => {
    const { width, height } = lookedAt(video.videoWidth, video.videoHeight);
    if (!paper || width === 0 || height === 0) return undefined;
    [canvas.width, canvas.height] = [width, height];
    paper.drawImage(video, 0, 0, width, height);
    try {
      return decode(paper.getImageData(0, 0, width, height));
    } catch {
      // It says so where it finds none.
      return undefined;
    }
  };
}

export function lookedAt(width: number, height: number): { width: number; height: number } {
  const scale = Math.min(1, LOOK_AT / Math.max(width, height, 1));
  return { width: Math.round(width * scale), height: Math.round(height * scale) };
}

function own(): Detectors | undefined {
  return (globalThis as { BarcodeDetector?: Detectors }).BarcodeDetector;
}
