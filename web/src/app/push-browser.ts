/** Push as this browser has it. */
import { t } from '../i18n';
import type { PushBrowserLike } from './push.svelte';

const WORKER = '/sw.js';

/** Nothing on plain http, and where there is no push; on iPhones only pages that were added to the home screen have it. */
export function pushBrowser(): PushBrowserLike | undefined {
  const workers = navigator.serviceWorker;
  if (!workers || !('PushManager' in globalThis) || !('Notification' in globalThis)) return undefined;
  return {
    permission: () => Notification.permission,
    ask: () => Notification.requestPermission(),
    manager: async (install) => {
      if (install) {
        await workers.register(WORKER, { updateViaCache: 'none' });
        return (await workers.ready).pushManager;
      }
      return (await workers.getRegistration())?.pushManager;
    },
  };
}

/** In this order: each names itself after those before it, too. */
const BROWSERS: [RegExp, string][] = [
  [/Edg(e|A|iOS)?\//, 'Edge'],
  [/OPR\//, 'Opera'],
  [/SamsungBrowser\//, 'Samsung Internet'],
  [/Firefox\/|FxiOS\//, 'Firefox'],
  [/Chrom(e|ium)\/|CriOS\//, 'Chrome'],
  [/Safari\//, 'Safari'],
];
const SYSTEMS: [RegExp, string][] = [
  [/Android/, 'Android'],
  [/iPhone|iPad/, 'iOS'],
  [/Windows/, 'Windows'],
  [/Mac OS X/, 'macOS'],
  [/CrOS/, 'ChromeOS'],
  [/Linux/, 'Linux'],
];

/** What people would call it: `Firefox on Windows`. */
export function browserLabel(agent: string): string {
  const first = (names: [RegExp, string][]) => names.find(([pattern]) => pattern.test(agent))?.[1];
  const [browser, system] = [first(BROWSERS) ?? '', first(SYSTEMS)];
  return browser && system ? t('push-label', { browser, system }) : browser || system || t('push-label-unknown');
}
