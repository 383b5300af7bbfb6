/** What of the browser is not the same everywhere, or needs a word more. */
import type { ToPage } from '../worker/ringer';

/** Not in every browser, and not in TypeScript's. */
function networkInformation(): EventTarget | undefined {
  return (navigator as Navigator & { connection?: EventTarget }).connection;
}

/** A guest's requests carry the link, also where there is a login in the same browser. */
export function fetcher(token: () => string | undefined): typeof fetch {
  return (input) => {
    const link = token();
    if (link === undefined) return fetch(input);
    const request = new Request(input);
    request.headers.set('authorization', `Bearer ${link}`);
    return fetch(request);
  };
}

export function exclusive<T>(work: () => Promise<T>): Promise<T> {
  // Without locks the page is not in a secure context; tabs then take their chance.
  return navigator.locks ? (navigator.locks.request('farhand.refresh', work) as Promise<T>) : work();
}

/** What the browser says may concern. */
interface Ears {
  /** The connection may be worth another try. */
  nudge(): void;
  /** So may the way of the media; `sure`: the network is another one. */
  check(sure: boolean): void;
  hide(hidden: boolean): void;
  /** Somebody looks at the page. */
  seen(): void;
  /** Sound may be played from now on. */
  touched(): void;
  /** Somebody has clicked on a ring that came while no page was looked at. */
  rung(callId: string): void;
  /** Another tab's login is another one now. */
  loggedIn(): void;
}

export function listenToBrowser(ears: Ears): void {
  addEventListener('online', () => {
    ears.nudge();
    ears.check(true);
  });
  networkInformation()?.addEventListener('change', () => {
    // Fires for mere guesses of the speed, too: look, but restart nothing that works.
    ears.nudge();
    ears.check(false);
  });
  const look = () => ears.hide(document.visibilityState !== 'visible');
  look();
  document.addEventListener('visibilitychange', () => {
    if (document.visibilityState === 'visible') {
      ears.nudge();
      ears.seen();
    }
    look();
  });
  navigator.serviceWorker?.addEventListener('message', ({ data }: MessageEvent<ToPage>) => ears.rung(data.open));
  addEventListener('storage', (event) => {
    if (event.key === 'farhand.login') ears.loggedIn();
  });
  // A finger counts for the browser only when it is lifted.
  for (const touch of ['pointerdown', 'pointerup', 'keydown']) addEventListener(touch, ears.touched);
}
