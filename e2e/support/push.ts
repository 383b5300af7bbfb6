import { createECDH, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { BrowserContext, CDPSession, Page, Worker } from '@playwright/test';
import { decrypt } from 'http_ece';

/** What a browser is told, once it is opened. */
export interface Message {
  kind: string;
  callId: string;
  from: string;
  title: string;
  ended?: string;
}

/**
 * Stands in for the push service of the browser's maker, which cannot be reached from a machine without internet: pages get its address
 * when they subscribe, the server sends to it, and what comes is opened with the browser's key.
 */
export class PushService {
  private readonly browser = createECDH('prime256v1');
  private readonly auth = randomBytes(16).toString('base64url');
  private readonly waiting: Message[] = [];
  private wanted: ((message: Message) => void) | undefined;

  private constructor(private readonly server: Server) {
    this.browser.generateKeys();
  }

  static async start(): Promise<PushService> {
    const server = createServer();
    const service = new PushService(server);
    server.on('request', async (request, response) => {
      const pieces: Buffer[] = [];
      for await (const piece of request) pieces.push(piece as Buffer);
      service.took(Buffer.concat(pieces));
      response.writeHead(201).end();
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return service;
  }

  /** The next message, opened. */
  next(): Promise<Message> {
    const message = this.waiting.shift();
    if (message) return Promise.resolve(message);
    return new Promise((resolve) => {
      this.wanted = resolve;
    });
  }

  /** Pages subscribe here. */
  async serve(context: BrowserContext): Promise<void> {
    const { port } = this.server.address() as AddressInfo;
    const endpoint = `http://127.0.0.1:${port}/browser`;
    const keys = { p256dh: this.browser.getPublicKey('base64url'), auth: this.auth };
    await context.addInitScript(standIn, { endpoint, keys });
  }

  close(): void {
    this.server.close();
  }

  private took(body: Buffer): void {
    const plain = decrypt(body, { version: 'aes128gcm', privateKey: this.browser, authSecret: this.auth });
    const message = JSON.parse(plain.toString()) as Message;
    const wanted = this.wanted;
    this.wanted = undefined;
    if (wanted) wanted(message);
    else this.waiting.push(message);
  }
}

/** Runs in pages, before their own scripts. */
function standIn(given: { endpoint: string; keys: object }): void {
  if (!('PushManager' in globalThis)) return;
  const KEY = 'story.push';
  const made = (applicationServerKey: string) => {
    const text = atob(applicationServerKey.replaceAll('-', '+').replaceAll('_', '/'));
    return {
      options: { applicationServerKey: Uint8Array.from(text, (c) => c.charCodeAt(0)).buffer },
      toJSON: () => given,
      unsubscribe: async () => {
        localStorage.removeItem(KEY);
        return true;
      },
    };
  };
  Object.assign(PushManager.prototype, {
    getSubscription: async () => {
      const known = localStorage.getItem(KEY);
      return known ? made(known) : null;
    },
    subscribe: async ({ applicationServerKey }: { applicationServerKey: string }) => {
      localStorage.setItem(KEY, applicationServerKey);
      return made(applicationServerKey);
    },
  });
}

export interface Shown {
  title: string;
  body: string;
  waits: boolean;
}

/** The service worker of a browser: what comes to it, what it shows, and clicks on that. */
export class Ringing {
  private constructor(
    private readonly worker: Worker,
    private readonly session: CDPSession,
    private readonly registrationId: string,
    private readonly origin: string,
  ) {}

  /** `page`: any of the browser; it may be elsewhere by then. */
  static async of(page: Page, origin: string): Promise<Ringing> {
    const context = page.context();
    const worker = context.serviceWorkers()[0] ?? (await context.waitForEvent('serviceworker'));
    const session = await context.newCDPSession(page);
    const registered = new Promise<string>((resolve) => {
      session.on('ServiceWorker.workerRegistrationUpdated', ({ registrations }) => {
        const own = registrations.find(({ scopeURL, isDeleted }) => scopeURL === `${origin}/` && !isDeleted);
        if (own) resolve(own.registrationId);
      });
    });
    await session.send('ServiceWorker.enable');
    return new Ringing(worker, session, await registered, origin);
  }

  /** As if the browser's own push service had brought it. */
  async deliver(message: Message): Promise<void> {
    const { origin, registrationId } = this;
    await this.session.send('ServiceWorker.deliverPushMessage', {
      origin,
      registrationId,
      data: JSON.stringify(message),
    });
  }

  shown(): Promise<Shown[]> {
    return this.worker.evaluate(async () => {
      const { registration } = globalThis as unknown as { registration: ServiceWorkerRegistration };
      const all = await registration.getNotifications();
      return all.map(({ title, body, requireInteraction }) => ({ title, body, waits: requireInteraction }));
    });
  }

  /** A click on the only notification: nothing else than the event, for no test can click outside of pages. */
  click(action: string): Promise<void> {
    return this.worker.evaluate(async (action) => {
      interface Clicked {
        new (type: string, init: { notification: Notification | undefined; action: string }): Event;
      }
      const scope = globalThis as unknown as { registration: ServiceWorkerRegistration; NotificationEvent: Clicked };
      const [notification] = await scope.registration.getNotifications();
      dispatchEvent(new scope.NotificationEvent('notificationclick', { notification, action }));
    }, action);
  }
}
