/** Where the domain's events are sent to, and what came of it. */
import { SvelteMap } from 'svelte/reactivity';
import type { AdminRest } from '../api/admin';
import { RestError } from '../api/answer';
import type { WebhookDelivery, WebhookRecord, WebhookSecret } from '../api/types';
import { uniqueLabels } from '../call/people';
import { Attempt, type Words } from './attempt.svelte';

type WebhooksRest = Pick<
  AdminRest,
  | 'webhooks'
  | 'createWebhook'
  | 'changeWebhook'
  | 'deleteWebhook'
  | 'rotateWebhookSecret'
  | 'testWebhook'
  | 'webhookDeliveries'
  | 'resendWebhookDelivery'
>;

const GIVEN_UP = 'givenUp';
const LATEST = 20;
/** As many as the server gives at once. */
const MOST = 500;

export interface NewWebhookForm {
  url: string;
  description: string;
  /** Between commas; none for all. */
  types: string;
}

export class Webhooks {
  readonly attempt = new Attempt();
  /** Nothing until they are known. */
  webhooks = $state.raw<WebhookRecord[] | undefined>();
  /** Shown this once, until the page is left. */
  secret = $state.raw<{ id: string; secret: string } | undefined>();
  /** What was sent to each last, the newest first. */
  readonly latest = new SvelteMap<string, WebhookDelivery[]>();
  /** What each did not take. */
  readonly givenUp = new SvelteMap<string, WebhookDelivery[]>();

  /** What each is called; no two alike. */
  readonly names = $derived.by(() => {
    const all = this.webhooks ?? [];
    const labels = uniqueLabels(all, plainName, (webhook) => String(all.indexOf(webhook) + 1));
    return new Map(all.map(({ id }, i) => [id, labels[i] ?? '']));
  });

  constructor(private readonly rest: WebhooksRest) {}

  load(): Promise<boolean> {
    return this.attempt.run(async () => {
      await this.look();
      return undefined;
    });
  }

  /** Hands back the id of the new one. */
  async create({ url, description, types }: NewWebhookForm): Promise<string | undefined> {
    const names = types.split(',').map((type) => type.trim());
    const chosen = names.filter(Boolean);
    const body = { url: url.trim(), description: description.trim(), types: chosen.length > 0 ? chosen : null };
    let id: string | undefined;
    await this.attempt.run(async () => {
      id = this.show(await this.rest.createWebhook(body));
      await this.look();
      return undefined;
    });
    return id;
  }

  enable({ id }: WebhookRecord, enabled: boolean): Promise<boolean> {
    return this.work(async () => {
      await this.rest.changeWebhook(id, { enabled });
      return { id: enabled ? 'webhook-is-enabled' : 'webhook-is-disabled' };
    });
  }

  rotate({ id }: WebhookRecord): Promise<boolean> {
    return this.work(async () => {
      this.show(await this.rest.rotateWebhookSecret(id));
      return undefined;
    });
  }

  test({ id }: WebhookRecord): Promise<boolean> {
    return this.work(async () => {
      const { accepted, status, reason } = await this.rest.testWebhook(id);
      if (accepted) return { id: 'webhook-test-accepted' };
      return { id: 'webhook-test-failed', args: { reason: reason ?? String(status ?? '') } };
    });
  }

  remove({ id }: WebhookRecord): Promise<boolean> {
    return this.work(() => this.rest.deleteWebhook(id).then(() => undefined));
  }

  resend({ id }: WebhookRecord, message: WebhookDelivery): Promise<boolean> {
    return this.work(async () => {
      await this.rest.resendWebhookDelivery(id, message.id);
      return { id: 'webhook-resent', args: { count: 1 } };
    });
  }

  /** The oldest first: whoever gets them reads them in that order. */
  resendAll({ id }: WebhookRecord): Promise<boolean> {
    return this.work(async () => {
      const all = [...(this.givenUp.get(id) ?? [])].reverse();
      for (const message of all) await this.rest.resendWebhookDelivery(id, message.id).catch(unlessOnItsWay);
      return { id: 'webhook-resent', args: { count: all.length } };
    });
  }

  private work(work: () => Promise<Words | undefined>): Promise<boolean> {
    return this.attempt.run(async () => {
      const words = await work();
      await this.look();
      return words;
    });
  }

  private show({ secret, record }: WebhookSecret): string {
    this.secret = { id: record.id, secret };
    return record.id;
  }

  private async look(): Promise<void> {
    const webhooks = await this.rest.webhooks();
    const of = ({ id }: WebhookRecord) =>
      Promise.all([
        this.rest.webhookDeliveries(id, undefined, LATEST),
        this.rest.webhookDeliveries(id, GIVEN_UP, MOST),
      ]);
    const messages = await Promise.all(webhooks.map(of));
    for (const [i, { id }] of webhooks.entries()) {
      const [latest = [], givenUp = []] = messages[i] ?? [];
      this.latest.set(id, latest);
      this.givenUp.set(id, givenUp);
    }
    this.webhooks = webhooks;
  }
}

function plainName({ description, url }: WebhookRecord): string {
  return description || new URL(url).host;
}

/** Somebody else has sent it again. */
function unlessOnItsWay(problem: unknown): void {
  if (!(problem instanceof RestError && problem.code === 'not_found')) throw problem;
}
