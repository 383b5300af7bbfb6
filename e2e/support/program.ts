import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { checkout } from './server.ts';

export interface Ended {
  code: number | null;
  output: string;
}

/** Runs an example from the checkout to its end. */
export async function run(program: string, ...args: string[]): Promise<Ended> {
  // The runner's wish for colours is its own: Node.js would warn about it in the example's output.
  const env = { ...process.env, FORCE_COLOR: undefined, NO_COLOR: undefined };
  const child = spawn(program, args, { cwd: checkout, env, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  child.stdout.on('data', (chunk) => (output += chunk));
  child.stderr.on('data', (chunk) => (output += chunk));
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, output };
}
