/** Reads QR codes from a camera: with the browser's own reader where there is one, else with a program that is loaded only then. */

/** What stands in the picture, if there is a code in it. */
export type Reader = (video: HTMLVideoElement) => Promise<string | undefined>;

/** The Barcode Detection API: not in TypeScript's library, and not in every browser. */
interface Detectors {
  new (options: { formats: ['qr_code'] }): { detect(image: HTMLVideoElement): Promise<{ rawValue: string }[]> };
  getSupportedFormats(): Promise<readonly string[]>;
}

export async function qrReader(own = (globalThis as { BarcodeDetector?: Detectors }).BarcodeDetector): Promise<Reader> {
  const formats = (await own?.getSupportedFormats().catch(() => [])) ?? [];
  const Detector: Detectors = own && formats.includes('qr_code') ? own : (await import('qr/decode.js')).BarcodeDetector;
  const detector = new Detector({ formats: ['qr_code'] });
  // A camera that has no picture yet is refused, and a picture without a code is not.
  return async (video) => (await detector.detect(video).catch(() => []))[0]?.rawValue;
}
