// Run after every `npm install` that changes the lock file (`npm run lock`). Where a registry lacks biome's binaries for
// other platforms, npm leaves them out of the lock, and `npm ci` then calls the lock incomplete. This names them again.
import { readFileSync, writeFileSync } from 'node:fs';

const file = new URL('../package-lock.json', import.meta.url);
const lock = JSON.parse(readFileSync(file, 'utf8'));
const biome = lock.packages['node_modules/@biomejs/biome'];
const entries = Object.entries(lock.packages);
for (const [name, version] of Object.entries(biome.optionalDependencies)) {
  const path = `node_modules/${name}`;
  if (lock.packages[path]) continue;
  const [, os, cpu, libc] = name.match(/cli-(\w+)-(\w+)(?:-(\w+))?$/);
  const entry = { version, cpu: [cpu], dev: true, license: biome.license, optional: true, os: [os], engines: biome.engines };
  entries.push([path, libc ? { ...entry, libc: [libc] } : entry]);
}
entries.sort(([a], [b]) => (a < b ? -1 : 1));
lock.packages = Object.fromEntries(entries);
writeFileSync(file, `${JSON.stringify(lock, null, 2)}\n`);
