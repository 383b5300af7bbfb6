import { expect, test as base } from '@playwright/test';
import { Api } from './api.ts';
import { DirectLink, Link } from './link.ts';
import { type Look, Person } from './person.ts';
import { Server, type Settings } from './server.ts';

export { expect };

interface Cast {
  settings: Settings;
  server: Server;
  /** A link to the server's media, which is as it should be until something else is said of it. */
  link: Link;
  /** The same between two pages that connect directly. */
  direct: DirectLink;
  /** Opens a window and signs in, ready for calls. */
  person: (userId: string, look?: Look) => Promise<Person>;
  /** Opens a window that is not signed in. */
  stranger: (userId: string, look?: Look) => Promise<Person>;
  /** Signs in over REST. */
  api: (userId: string) => Promise<Api>;
}

/** Each story has a server of its own, and each person a browser context. */
export const test = base.extend<Cast>({
  settings: [{}, { option: true }],

  server: async ({ settings }, use, info) => {
    const server = await Server.start(settings);
    await use(server);
    if (info.status !== info.expectedStatus) {
      await info.attach('server.log', { body: server.log, contentType: 'text/plain' });
    }
    await server.dispose();
  },

  link: async ({ server }, use) => {
    const link = await Link.open(server.port, 'rtt=40ms', 1);
    await use(link);
    link.close();
  },

  direct: async ({}, use) => {
    const link = new DirectLink();
    await use(link);
    await link.close();
  },

  stranger: async ({ browser, server }, use) => {
    const opened: Person[] = [];
    await use(async (userId, look) => {
      const person = await Person.open(browser, server.url, userId, look);
      opened.push(person);
      return person;
    });
    await Promise.all(opened.map((person) => person.context.close()));
    expect(opened.flatMap((person) => person.refused), 'refused by the Content-Security-Policy').toEqual([]);
  },

  person: async ({ stranger }, use) => {
    await use(async (userId, look) => {
      const person = await stranger(userId, look);
      await person.signIn();
      await person.ready();
      return person;
    });
  },

  api: async ({ server }, use) => {
    await use((userId) => Api.login(server.url, userId));
  },
});
