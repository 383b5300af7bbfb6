/** What a tab remembers across a reload: which call it is in, and what was switched on. */
import type { MediaState } from './session';

export interface RememberedCall extends MediaState {
  callId: string;
  /** Its media go through the server. */
  sfu?: boolean;
}

export interface Memory {
  load(): RememberedCall | undefined;
  save(call: RememberedCall): void;
  clear(): void;
}

const KEY = 'farhand.call';

export function memoryIn(storage: Storage): Memory {
  return {
    load() {
      const text = storage.getItem(KEY);
      return text ? (JSON.parse(text) as RememberedCall) : undefined;
    },
    save: (call) => storage.setItem(KEY, JSON.stringify(call)),
    clear: () => storage.removeItem(KEY),
  };
}
