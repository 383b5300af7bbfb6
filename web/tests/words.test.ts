/** The translations: complete, and nothing left over. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { FluentResource } from '@fluent/bundle';
import { describe, expect, it } from 'vitest';
import { LANGUAGES } from '../src/call/languages';
import { errorText, t } from '../src/i18n';

const root = join(import.meta.dirname, '..');

function sources(folder: string): { file: string; text: string }[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return sources(path);
    return /\.(ts|svelte)$/.test(entry.name) ? [{ file: path, text: readFileSync(path, 'utf8') }] : [];
  });
}

const ftl = readFileSync(join(root, 'src/locales/en.ftl'), 'utf8');
const ids = new FluentResource(ftl).body.map((message) => message.id);
const code = sources(join(root, 'src'));
const all = code.map((c) => c.text).join('\n');

/** Ids that are put together from the codes and enums of the protocol. */
const frames = JSON.parse(readFileSync(join(root, 'src/api/frames.json'), 'utf8')) as {
  components: { schemas: { ErrorCode: { enum: string[] } } };
};
const errorCodes = frames.components.schemas.ErrorCode.enum;
const ownCodes = ['timeout', 'connection_lost', 'network', 'request_expired', 'request_cancelled', 'other'];
const composed = [
  ...[...errorCodes, ...ownCodes].map((c) => `error-${c.replaceAll('_', '-')}`),
  ...['microphone', 'camera'].flatMap((device) =>
    ['denied', 'missing', 'busy', 'insecure', 'failed'].map((why) => `trouble-${device}-${why}`),
  ),
  ...['denied', 'missing', 'busy', 'insecure', 'failed'].map((why) => `check-device-${why}`),
  ...['link', 'budget', 'own-link', 'own-budget'].flatMap((why) =>
    ['smaller', 'slow', 'stills', 'audio'].map((rung) => `short-${why}-${rung}`),
  ),
  ...['monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday', 'sunday'].map((day) => `day-${day}`),
  ...['push', 'email', 'sms'].flatMap((channel) => [`reach-rung-${channel}`, `reach-after-${channel}`]),
  ...LANGUAGES.map((tag) => `language-${tag}`),
  'trouble-screen-denied',
  'trouble-screen-failed',
  ...[...all.matchAll(/\| '(quality-[a-z-]+)'/g)].map((m) => `${m[1]}-help`),
];

/** What of a string literal looks like an id of ours: every first word that some message starts with. */
const prefixes = new Set(ids.map((id) => id.split('-')[0]));
const used = [...all.matchAll(/\bt\(\s*'([^']+)'/g)].map((m) => m[1] ?? '');

describe('the translations', () => {
  it('have every id only once', () => {
    expect(ids.filter((id, i) => ids.indexOf(id) !== i)).toEqual([]);
    expect(ids.length).toBeGreaterThan(150);
  });

  it('have every id that is used', () => {
    expect(used.length).toBeGreaterThan(60);
    expect(used.filter((id) => !ids.includes(id))).toEqual([]);
    // Ids that stand in tables, such as the words of each state.
    const tabled = [...all.matchAll(/(?:id: |[:?] |return )'([a-z]+(?:-[a-z]+)+)'/g)]
      .map((m) => m[1] ?? '')
      .filter((id) => prefixes.has(id.split('-')[0]));
    expect(tabled.length).toBeGreaterThan(40);
    expect(tabled.filter((id) => !ids.includes(id))).toEqual([]);
    expect(composed.filter((id) => !ids.includes(id))).toEqual([]);
  });

  it('have no id that is not', () => {
    const unused = ids.filter((id) => !all.includes(`'${id}'`) && !composed.includes(id));
    expect(unused).toEqual([]);
  });

  it('have words for every error code of the server', () => {
    expect(errorCodes.length).toBeGreaterThan(40);
    for (const c of errorCodes) expect(errorText(c)).not.toContain('Something went wrong (');
    expect(errorText('brand_new')).toBe('Something went wrong (brand_new).');
  });

  it('put names in without invisible marks, since labels are spoken', () => {
    expect(t('call-contact', { name: 'Tester' })).toBe('Call Tester');
  });

  it('fill every place they leave open', () => {
    for (const id of ids) {
      const args = {
        name: 'n',
        title: 't',
        code: 'c',
        who: 'w',
        names: 'ns',
        id: '1',
        length: 'l',
        maker: 'm',
        creator: 'cr',
        type: 'ty',
        when: 'wh',
        reason: 'r',
        count: 3,
        quality: 'q',
        value: '7',
        host: 'h',
        udp: '443',
        tcp: '443',
        tls: '443',
        ms: 5,
        rate: '1',
        seconds: 7,
        zone: 'z',
        time: '9:30',
        offset: '+02:00',
        earlier: 'e',
        later: 'l',
        until: 'u',
        row: 1,
        address: 'a@b',
        there: 2,
        browser: 'b',
        system: 's',
        position: 2,
        minutes: 3,
        refused: 1,
        tags: 'tg',
      };
      expect(t(id, args)).not.toContain('{');
    }
  });
});

describe('the views', () => {
  const views = code.filter((c) => c.file.endsWith('.svelte'));

  it('contain no words of their own', () => {
    for (const { file, text } of views) {
      const markup = text.replace(/<script[\s\S]*?<\/script>|<style[\s\S]*?<\/style>|<!--[\s\S]*?-->/g, '');
      const words = markup
        .replace(/\{[^{}]*(\{[^{}]*(\{[^{}]*\}[^{}]*)*\}[^{}]*)*\}/g, ' ')
        .replace(/<[^>]*>/g, ' ')
        .match(/[A-Za-z]{2,}/g);
      expect({ file, words }).toEqual({ file, words: null });
      expect({ file, labels: markup.match(/(aria-label|placeholder|title|alt)="[^"{]+"/g) }).toEqual({
        file,
        labels: null,
      });
    }
  });
});

describe('the lock file', () => {
  const lock = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as {
    packages: Record<string, { resolved?: string; optionalDependencies?: Record<string, string> }>;
  };

  it('names no registry', () => {
    expect(Object.values(lock.packages).filter((p) => p.resolved)).toEqual([]);
  });

  it('is complete for `npm ci` (if not: `npm run lock`)', () => {
    const wanted = Object.keys(lock.packages['node_modules/@biomejs/biome']?.optionalDependencies ?? {});
    expect(wanted.length).toBeGreaterThan(3);
    expect(wanted.filter((name) => !lock.packages[`node_modules/${name}`])).toEqual([]);
  });
});

describe('the files', () => {
  it('stay short enough to be read', () => {
    const long = code.map((c) => ({ file: c.file, lines: c.text.split('\n').length })).filter((c) => c.lines > 400);
    expect(long.filter((c) => !c.file.endsWith('.d.ts'))).toEqual([]);
  });

  it('bring in icons one by one', () => {
    expect(code.filter((c) => /from '@lucide\/svelte'/.test(c.text))).toEqual([]);
  });

  it('keep the DOM out of signalling', () => {
    for (const { file, text } of code.filter((c) => c.file.includes('/signalling/'))) {
      const dom = text
        .replace(/\/\*[\s\S]*?\*\/|\/\/.*/g, '')
        .match(/\b(window|document|navigator|localStorage|sessionStorage|WebSocket|location)\b/);
      expect({ file, dom: dom?.[0] }).toEqual({ file, dom: undefined });
    }
  });
});
