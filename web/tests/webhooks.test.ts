import { describe, expect, it } from 'vitest';
import { Webhooks } from '../src/admin/webhooks.svelte';
import { RestError } from '../src/api/answer';
import type { NewWebhook, WebhookChange, WebhookDelivery, WebhookRecord } from '../src/api/types';

const record = (id: string, over: Partial<WebhookRecord> = {}): WebhookRecord => ({
  id,
  url: `https://${id}.example.org/hook`,
  description: '',
  enabled: true,
  created: '2026-11-24T09:00:00Z',
  ...over,
});
const message = (id: number, state: string): WebhookDelivery => ({
  id,
  webhookId: `m${id}`,
  type: 'call.ended',
  callId: 'c',
  sequence: 1,
  state,
  tries: 1,
  dateTime: '2026-11-24T09:00:00Z',
});

function fake(known: WebhookRecord[], messages: WebhookDelivery[] = []) {
  const asked: unknown[] = [];
  const rest = {
    webhooks: async () => [...known],
    createWebhook: async (body: NewWebhook) => {
      asked.push(body);
      const made = record('new', { url: body.url });
      known.push(made);
      return { secret: 'whsec_1', record: made };
    },
    changeWebhook: async (id: string, body: WebhookChange) => {
      asked.push([id, body]);
      return record(id);
    },
    deleteWebhook: async () => undefined,
    rotateWebhookSecret: async (id: string) => ({ secret: 'whsec_2', record: record(id) }),
    testWebhook: async () => ({ accepted: false, status: 500 }),
    webhookDeliveries: async (_: string, state: string | undefined) =>
      messages.filter((known) => !state || known.state === state),
    resendWebhookDelivery: async (_: string, id: number) => {
      if (id === 0) throw new RestError('not_found');
      asked.push(id);
    },
  };
  return { webhooks: new Webhooks(rest), asked };
}

describe('webhooks', () => {
  it('are called by what they are for, else by where they lead, no two alike', async () => {
    const { webhooks } = fake([record('a'), record('b', { description: 'CRM' }), record('c', { description: 'CRM' })]);
    await webhooks.load();
    expect([...webhooks.names.values()]).toEqual(['a.example.org', 'CRM (2)', 'CRM (3)']);
  });

  it('show their secret when they are made, and all types of events are one that names none', async () => {
    const { webhooks, asked } = fake([]);
    const url = 'https://new.example.org/hook';
    expect(await webhooks.create({ url: ` ${url} `, description: '', types: ' , ' })).toBe('new');
    expect(asked).toEqual([{ url, description: '', types: null }]);
    expect(webhooks.secret).toEqual({ id: 'new', secret: 'whsec_1' });
    expect(webhooks.webhooks?.map(({ id }) => id)).toEqual(['new']);
    await webhooks.create({ url, description: '', types: 'call.ended, call.created' });
    expect(asked[1]).toMatchObject({ types: ['call.ended', 'call.created'] });
    await webhooks.rotate(record('new'));
    expect(webhooks.secret?.secret).toBe('whsec_2');
  });

  it('say what came of a test', async () => {
    const { webhooks } = fake([record('a')]);
    await webhooks.test(record('a'));
    expect(webhooks.attempt.done).toEqual({ id: 'webhook-test-failed', args: { reason: '500' } });
  });

  it('get what was given up again, the oldest first, whatever somebody else has sent again', async () => {
    const messages = [message(3, 'givenUp'), message(2, 'accepted'), message(0, 'givenUp'), message(1, 'givenUp')];
    const { webhooks, asked } = fake([record('a')], messages);
    await webhooks.load();
    expect(webhooks.latest.get('a')).toHaveLength(4);
    await webhooks.resendAll(record('a'));
    expect(asked).toEqual([1, 3]);
  });
});
