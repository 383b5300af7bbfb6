/** Somebody without an account, as named by whoever invites. */
export interface Guest {
  displayName?: string;
  email?: string;
  phoneNumber?: string;
  /** In which to write. */
  language?: string;
}

/** From what was entered; nothing where there is no way to reach anybody. One field for both: an address has an @, a number has none. */
export function guestOf(name: string, address: string, language = ''): Guest | undefined {
  const [displayName, where] = [name.trim(), address.trim()];
  if (!where) return undefined;
  const way = where.includes('@') ? { email: where } : { phoneNumber: where };
  return { ...(displayName && { displayName }), ...way, ...(language && { language }) };
}
