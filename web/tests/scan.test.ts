/** Which reader of QR codes is taken. */
import { expect, it } from 'vitest';
import { qrReader } from '../src/call/scan';

/** A browser's own reader, as it may be there and of no use. */
function own(formats: string[], found: string[]) {
  return class {
    static getSupportedFormats = async () => formats;
    async detect() {
      if (found.length === 0) throw new Error('no picture yet');
      return found.map((rawValue) => ({ rawValue }));
    }
  };
}

const video = {} as HTMLVideoElement;

it('the browser’s own, where it knows QR codes', async () => {
  expect(await (await qrReader(own(['qr_code'], ['a', 'b'])))(video)).toBe('a');
});

it('nothing is read from a camera that has no picture yet', async () => {
  expect(await (await qrReader(own(['qr_code'], [])))(video)).toBeUndefined();
});

it('another program where the browser’s own reads other codes only, or fails', async () => {
  const wrong = own(['ean_13'], ['not this one']);
  expect(await (await qrReader(wrong))(video)).toBeUndefined();
  const failing = class extends wrong {
    static override getSupportedFormats = () => Promise.reject(new Error('none'));
  };
  expect(await (await qrReader(failing))(video)).toBeUndefined();
});
