/** What the page's address lets somebody in by. Whatever lets people in stands behind the `#`, where no server on the way sees it. */
export type Entrance =
  /** A guest's personal link. */
  | { by: 'guest'; token: string }
  /** The link to a whole call. */
  | { by: 'call'; token: string }
  /** The public link of a machine. */
  | { by: 'request'; token: string }
  /** The page where six digits are typed, with those that the address has already. */
  | { by: 'code'; code: string };

export const PAGE = '/join';
/** What QR codes on machines lead to. */
const MACHINE = '/request';
const OF_CALL = 'fhc_';
const OF_MACHINE = 'fhs_';

export function entranceOf({ pathname, hash }: { pathname: string; hash: string }): Entrance | undefined {
  const behind = hash.slice(1);
  // However it came here: the camera of the page where codes are typed reads those of machines as well.
  if (pathname === MACHINE || (pathname === PAGE && behind.startsWith(OF_MACHINE)))
    return { by: 'request', token: behind };
  if (pathname !== PAGE) return undefined;
  if (/^\d{0,6}$/.test(behind)) return { by: 'code', code: behind };
  return { by: behind.startsWith(OF_CALL) ? 'call' : 'guest', token: behind };
}

/** What of a QR code leads into a call on this server, as it stands behind the `#`. Codes of other places are nothing to follow. */
export function behindHash(text: string, origin: string): string | undefined {
  if (/^\d{6}$/.test(text)) return text;
  if (!URL.canParse(text)) return undefined;
  const address = new URL(text);
  const own = address.origin === origin && [PAGE, MACHINE].includes(address.pathname) && address.hash.length > 1;
  return own ? address.hash.slice(1) : undefined;
}
