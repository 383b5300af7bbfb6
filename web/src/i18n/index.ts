/** Every visible string comes from src/locales by its id. */
import { FluentBundle, FluentResource, type FluentVariable } from '@fluent/bundle';
import en from '../locales/en.ftl?raw';

// No isolation marks: labels are also spoken commands and must be exactly what they look like.
const bundle = new FluentBundle('en', { useIsolating: false });
bundle.addResource(new FluentResource(en));

export function t(id: string, args?: Record<string, FluentVariable>): string {
  const message = bundle.getMessage(id);
  // A missing id is caught by a test; on a screen it is better than nothing.
  return message?.value ? bundle.formatPattern(message.value, args) : id;
}

/** Words for an error code, also for one this page is too old to know. */
export function errorText(code: string): string {
  const id = `error-${code.replaceAll('_', '-')}`;
  return bundle.hasMessage(id) ? t(id) : t('error-other', { code });
}
