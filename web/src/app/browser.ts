/** What of the browser is not the same everywhere, or needs a word more. */

/** Not in every browser, and not in TypeScript's. */
export function networkInformation(): EventTarget | undefined {
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
