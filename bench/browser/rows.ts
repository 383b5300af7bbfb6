import { appendFile } from 'node:fs/promises';

/** A figure's row of the summary, as the other figures write theirs. */
export async function tell(figure: string, measured: string, floor: string, aim: string, met: boolean): Promise<void> {
  console.log(`${figure}: ${measured}\n    floor ${floor}; aim ${aim}: ${met ? 'met' : 'MISSED'}`);
  const row = `| ${figure} | ${measured} | ${floor} | ${aim} | ${met ? 'met' : '**missed**'} |\n`;
  if (process.env.BENCH_REPORT) await appendFile(process.env.BENCH_REPORT, row);
}
