/** QR codes as they are drawn. */
import decodeQR from 'qr/decode.js';
import { describe, expect, it } from 'vitest';
import { modulesOf, pathOf } from '../src/views/parts/qr';

const LINK = `https://calls.example.com/join#fhg_1234.2.6b49d200.${'A'.repeat(22)}`;

/** Paints the path as a browser would, so many pixels a module. */
function painted(path: string, size: number, scale = 4): { width: number; height: number; data: Uint8Array } {
  const width = size * scale;
  const data = new Uint8Array(width * width * 4).fill(255);
  for (const [, x, y, length] of path.matchAll(/M(\d+) (\d+)h(\d+)v1h-\d+z/g)) {
    for (let row = Number(y) * scale; row < (Number(y) + 1) * scale; row++) {
      const from = (row * width + Number(x) * scale) * 4;
      for (let i = from; i < from + Number(length) * scale * 4; i += 4) data.fill(0, i, i + 3);
    }
  }
  return { width, height: width, data };
}

describe('a QR code', () => {
  it('reads as what it was made of', () => {
    for (const text of [LINK, 'https://x.org/join', '123456', 'Grüße']) {
      const modules = modulesOf(text);
      expect(decodeQR(painted(pathOf(modules), modules.length))).toBe(text);
    }
  });

  it('has four modules of nothing around it', () => {
    const modules = modulesOf(LINK);
    const size = modules.length;
    const outside = modules.flatMap((row, y) => row.filter((_, x) => Math.min(x, y, size - 1 - x, size - 1 - y) < 4));
    expect(outside.some(Boolean)).toBe(false);
    expect(modules[4]?.[4], 'and a corner right inside').toBe(true);
  });
});
