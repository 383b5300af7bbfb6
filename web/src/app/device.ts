/**
 * The tab's device id. It lives in sessionStorage, so that a reload is the same device; but a duplicated tab gets a copy
 * of that storage, and two tabs must not be one device. Whoever holds the id's lock is the real one.
 */
const KEY = 'farhand.device';
/** A reloaded page may ask before the browser has let go of its predecessor's lock. */
const PREDECESSOR_MS = 600;

/** `copied` is called where the tab turns out to be a duplicate: nothing else in its storage is its own, either. */
export async function deviceId(storage: Storage, locks: LockManager | undefined, copied: () => void): Promise<string> {
  const stored = storage.getItem(KEY);
  if (stored && (await hold(stored, locks))) return stored;
  if (stored) copied();
  const fresh = uuid();
  storage.setItem(KEY, fresh);
  await hold(fresh, locks);
  return fresh;
}

/** `crypto.randomUUID` is there on secure pages only. A page that is not is short of devices, but can say so. */
export function uuid(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  // The bits that say "version 4".
  bytes.set([((bytes[6] ?? 0) & 0x0f) | 0x40], 6);
  bytes.set([((bytes[8] ?? 0) & 0x3f) | 0x80], 8);
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('');
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
}

/** Takes the lock for as long as the page lives; false where another page has it. */
function hold(id: string, locks: LockManager | undefined): Promise<boolean> {
  // Without locks the page is not in a secure context, and has no camera either.
  if (!locks) return Promise.resolve(true);
  return new Promise((resolve) => {
    const signal = AbortSignal.timeout(PREDECESSOR_MS);
    const untilTheEnd = () => {
      resolve(true);
      return new Promise<never>(() => undefined);
    };
    locks.request(`farhand.device.${id}`, { signal }, untilTheEnd).catch(() => resolve(false));
  });
}
