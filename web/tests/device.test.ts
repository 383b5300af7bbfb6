import { afterEach, expect, it, vi } from 'vitest';
import { deviceId } from '../src/app/device';

function storage(): Storage {
  const kept = new Map<string, string>();
  return {
    getItem: (key: string) => kept.get(key) ?? null,
    setItem: (key: string, value: string) => void kept.set(key, value),
  } as Storage;
}

afterEach(() => vi.unstubAllGlobals());

it('a page without a secure context has a device id, too, and keeps it', async () => {
  vi.stubGlobal('crypto', { getRandomValues: (bytes: Uint8Array) => bytes.fill(0xff) });
  const tab = storage();
  const first = await deviceId(tab, undefined, () => undefined);
  expect(first).toBe('ffffffff-ffff-4fff-bfff-ffffffffffff');
  expect(await deviceId(tab, undefined, () => undefined)).toBe(first);
});

it('no two tabs are one device', async () => {
  const ids = await Promise.all([1, 2].map(() => deviceId(storage(), undefined, () => undefined)));
  expect(new Set(ids).size).toBe(2);
});

it('a duplicated tab is a device of its own, and what it copied is not its own', async () => {
  const tab = storage();
  const first = await deviceId(tab, undefined, () => undefined);
  let copied = 0;
  // Another page holds the lock of the id in the storage; every other one is free.
  const locks = {
    request: (name: string, _: unknown, work: () => Promise<never>) =>
      name.endsWith(first) ? Promise.reject(new Error('taken')) : work(),
  } as unknown as LockManager;
  expect(await deviceId(tab, locks, () => copied++)).not.toBe(first);
  expect(copied).toBe(1);
});
