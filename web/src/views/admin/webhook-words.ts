/** How a webhook and a message to it stand, in words. */
import type { WebhookDelivery, WebhookRecord } from '../../api/types';
import { t } from '../../i18n';
import { dateTime } from '../../i18n/format';

const STATES: Record<string, string> = {
  queued: 'delivery-queued',
  waiting: 'delivery-waiting',
  accepted: 'delivery-accepted',
  givenUp: 'delivery-given-up',
};

export function standing({ enabled, reason, failingSince, pausedUntil }: WebhookRecord): string {
  if (!enabled) return reason ? t('webhook-disabled-because', { reason }) : t('webhook-disabled');
  if (pausedUntil) return t('webhook-paused', { until: dateTime(pausedUntil) });
  return failingSince ? t('webhook-failing', { when: dateTime(failingSince) }) : t('webhook-enabled');
}

/** What became of a message, and why. */
export function result({ type, state, reason, status, dateTime: at }: WebhookDelivery): string {
  // What a later server says is shown as it says it.
  const words = STATES[state] ? t(STATES[state]) : state;
  const why = reason ?? (status ? String(status) : '');
  const when = dateTime(at);
  return why
    ? t('delivery-why', { type, value: words, reason: why, when })
    : t('delivery', { type, value: words, when });
}
