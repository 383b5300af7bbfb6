/** The REST operations of administration. */
import type { Client } from 'openapi-fetch';
import { unwrap } from './answer';
import type { paths } from './rest';
import type {
  DeadLetter,
  NewRequestLink,
  NewWebhook,
  RequestLinkChange,
  RequestLinkRecord,
  TeamBody,
  TeamQueueSettings,
  TeamRecord,
  UserRecord,
  WebhookChange,
  WebhookDelivery,
  WebhookRecord,
  WebhookSecret,
  WebhookTest,
} from './types';

/** As many as the server gives at once. */
const MOST = 500;

export class AdminRest {
  constructor(private readonly client: Client<paths>) {}

  users(): Promise<UserRecord[]> {
    return unwrap(this.client.GET('/admin/users'));
  }

  teams(): Promise<TeamRecord[]> {
    return unwrap(this.client.GET('/admin/teams'));
  }

  createTeam(body: TeamBody): Promise<TeamRecord> {
    return unwrap(this.client.POST('/admin/teams', { body }));
  }

  replaceTeam(id: number, body: TeamBody): Promise<TeamRecord> {
    return unwrap(this.client.PUT('/admin/teams/{id}', { params: { path: { id } }, body }));
  }

  async deleteTeam(id: number): Promise<void> {
    await unwrap(this.client.DELETE('/admin/teams/{id}', { params: { path: { id } } }));
  }

  teamQueue(id: number): Promise<TeamQueueSettings> {
    return unwrap(this.client.GET('/admin/teams/{id}/queue', { params: { path: { id } } }));
  }

  async setTeamQueue(id: number, body: TeamQueueSettings): Promise<void> {
    await unwrap(this.client.PUT('/admin/teams/{id}/queue', { params: { path: { id } }, body }));
  }

  requestLinks(): Promise<RequestLinkRecord[]> {
    return unwrap(this.client.GET('/admin/requestLinks'));
  }

  createRequestLink(body: NewRequestLink): Promise<RequestLinkRecord> {
    return unwrap(this.client.POST('/admin/requestLinks', { body }));
  }

  changeRequestLink(id: number, body: RequestLinkChange): Promise<RequestLinkRecord> {
    return unwrap(this.client.PATCH('/admin/requestLinks/{id}', { params: { path: { id } }, body }));
  }

  revokeRequestLink(id: number): Promise<RequestLinkRecord> {
    return unwrap(this.client.POST('/admin/requestLinks/{id}/revoke', { params: { path: { id } } }));
  }

  async deleteRequestLink(id: number): Promise<void> {
    await unwrap(this.client.DELETE('/admin/requestLinks/{id}', { params: { path: { id } } }));
  }

  deadLetters(): Promise<DeadLetter[]> {
    return unwrap(this.client.GET('/admin/dead-letters', { params: { query: { limit: MOST } } }));
  }

  async resendDeadLetter(callId: string, id: string): Promise<void> {
    const path = { callId, id };
    await unwrap(this.client.POST('/admin/dead-letters/{callId}/{id}/resend', { params: { path } }));
  }

  webhooks(): Promise<WebhookRecord[]> {
    return unwrap(this.client.GET('/admin/webhooks'));
  }

  createWebhook(body: NewWebhook): Promise<WebhookSecret> {
    return unwrap(this.client.POST('/admin/webhooks', { body }));
  }

  changeWebhook(id: string, body: WebhookChange): Promise<WebhookRecord> {
    return unwrap(this.client.PATCH('/admin/webhooks/{id}', { params: { path: { id } }, body }));
  }

  async deleteWebhook(id: string): Promise<void> {
    await unwrap(this.client.DELETE('/admin/webhooks/{id}', { params: { path: { id } } }));
  }

  rotateWebhookSecret(id: string): Promise<WebhookSecret> {
    return unwrap(this.client.POST('/admin/webhooks/{id}/rotate', { params: { path: { id } } }));
  }

  testWebhook(id: string): Promise<WebhookTest> {
    return unwrap(this.client.POST('/admin/webhooks/{id}/test', { params: { path: { id } } }));
  }

  webhookDeliveries(id: string, state: string | undefined, limit: number): Promise<WebhookDelivery[]> {
    const params = { path: { id }, query: { state, limit } };
    return unwrap(this.client.GET('/admin/webhooks/{id}/deliveries', { params }));
  }

  async resendWebhookDelivery(id: string, deliveryId: number): Promise<void> {
    const params = { path: { id, deliveryId } };
    await unwrap(this.client.POST('/admin/webhooks/{id}/deliveries/{deliveryId}/resend', { params }));
  }
}
