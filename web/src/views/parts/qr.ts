/** A QR code as modules, and as one path to draw. */
import encodeQR from 'qr';

/** Modules of nothing around it, without which readers do not find it. */
const QUIET = 4;

/** Row by row, quiet zone included; true is dark. */
export function modulesOf(text: string): boolean[][] {
  // Medium: what a thumb on a screen or a lamp's reflection hides is made up for, and the modules stay large.
  return encodeQR(text, 'raw', { ecc: 'medium', border: QUIET });
}

/** Of all dark modules, run by run: single squares would show seams between them. */
export function pathOf(modules: boolean[][]): string {
  return modules
    .map((row, y) =>
      runsOf(row)
        .map(([x, length]) => `M${x} ${y}h${length}v1h-${length}z`)
        .join(''),
    )
    .join('');
}

function runsOf(row: boolean[]): [start: number, length: number][] {
  const runs: [number, number][] = [];
  row.forEach((dark, x) => {
    const last = runs.at(-1);
    if (dark && last && last[0] + last[1] === x) last[1] += 1;
    else if (dark) runs.push([x, 1]);
  });
  return runs;
}
