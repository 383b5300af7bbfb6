/** The service worker: `Ringer` with the browser around it. */
import { type Page, Ringer, type Subscription } from './ringer';
import type { Kept, Notice } from './said';

/** As far as it is used; TypeScript knows either pages or workers. */
interface Scope {
  registration: {
    showNotification(title: string, options: Notice['options']): Promise<void>;
    getNotifications(filter: { tag: string }): Promise<Notification[]>;
    pushManager: { subscribe(options: PushSubscriptionOptions): Promise<Subscription> };
  };
  clients: {
    matchAll(options: { type: 'window'; includeUncontrolled: boolean }): Promise<Page[]>;
    openWindow(path: string): Promise<unknown>;
  };
  skipWaiting(): Promise<void>;
  addEventListener(type: 'install', listener: () => void): void;
  addEventListener(type: 'push', listener: (event: Lasting & { data: { text(): string } | null }) => void): void;
  addEventListener(
    type: 'notificationclick',
    listener: (event: Lasting & { action: string; notification: Notification }) => void,
  ): void;
  addEventListener(
    type: 'pushsubscriptionchange',
    listener: (event: Lasting & { oldSubscription?: Subscription; newSubscription?: Subscription }) => void,
  ): void;
}

interface Lasting {
  waitUntil(work: Promise<unknown>): void;
}

const scope = self as unknown as Scope;

const ringer = new Ringer({
  now: () => Date.now(),
  show: ({ title, options }) => scope.registration.showNotification(title, options),
  shown: (tag) => scope.registration.getNotifications({ tag }),
  pages: () => scope.clients.matchAll({ type: 'window', includeUncontrolled: true }),
  open: (path) => scope.clients.openWindow(path),
  post: (path, body) => fetch(path, { method: 'POST', body: body && JSON.stringify(body) }),
  subscribe: (options) => scope.registration.pushManager.subscribe(options),
});

// Nothing of an earlier version is kept that pages could still need.
scope.addEventListener('install', () => void scope.skipWaiting());
scope.addEventListener('push', (event) => event.waitUntil(ringer.pushed(event.data?.text())));
scope.addEventListener('notificationclick', (event) => {
  event.notification.close();
  event.waitUntil(ringer.clicked(event.action, (event.notification.data ?? {}) as Kept));
});
scope.addEventListener('pushsubscriptionchange', (event) => {
  event.waitUntil(ringer.changed(event.oldSubscription, event.newSubscription));
});
