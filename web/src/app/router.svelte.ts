/** Which page the address names. The server answers every unknown path with this application. */
export type Route =
  | { page: 'contacts' }
  | { page: 'planned' }
  | { page: 'plan'; callId?: string }
  | { page: 'history' }
  | { page: 'check' }
  | { page: 'settings' }
  /** `id`: of what stands on it alone; `new` where it is to be made. */
  | { page: 'administration'; part: Administered; id?: string }
  /** `invited`: by the link of a message. */
  | { page: 'story'; callId: string; invited?: true };

/** What administrators look after. The first is shown where the address names none. */
export const ADMINISTERED = ['teams', 'links', 'messages', 'webhooks'] as const;
export type Administered = (typeof ADMINISTERED)[number];

export function parse(path: string): Route {
  const [first, second, third] = path.split('/').filter(Boolean);
  if (first === 'check') return { page: 'check' };
  if (first === 'planned' && second === 'new') return { page: 'plan' };
  if (first === 'planned' && second) return { page: 'plan', callId: decoded(second) };
  if (first === 'planned') return { page: 'planned' };
  // What invitations lead to.
  if (first === 'call' && second) return { page: 'story', callId: decoded(second), invited: true };
  if (first === 'settings') return { page: 'settings' };
  if (first === 'administration') {
    const part = ADMINISTERED.find((known) => known === second) ?? ADMINISTERED[0];
    return { page: 'administration', part, ...(third && { id: decoded(third) }) };
  }
  if (first === 'history' && second) return { page: 'story', callId: decoded(second) };
  if (first === 'history') return { page: 'history' };
  return { page: 'contacts' };
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    // Not an address of ours; the server says that there is no such call.
    return part;
  }
}

export class Router {
  route = $state.raw<Route>({ page: 'contacts' });

  constructor() {
    this.route = parse(location.pathname);
    addEventListener('popstate', () => {
      this.route = parse(location.pathname);
    });
  }

  go(path: string): void {
    if (path !== location.pathname) history.pushState(null, '', path);
    this.route = parse(path);
  }

  /** For links: follows them without loading the page anew, but leaves new-tab clicks to the browser. */
  follow = (event: MouseEvent): void => {
    if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey) return;
    const link = (event.currentTarget as HTMLAnchorElement).getAttribute('href');
    if (!link) return;
    event.preventDefault();
    this.go(link);
  };
}
