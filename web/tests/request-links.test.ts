import { describe, expect, it } from 'vitest';
import { LinkForm } from '../src/admin/link-form.svelte';
import { RequestLinks } from '../src/admin/request-links.svelte';
import type { NewRequestLink, RequestLinkChange, RequestLinkRecord } from '../src/api/types';

const link = (over: Partial<RequestLinkRecord> = {}): RequestLinkRecord => ({
  id: 3,
  name: 'Press 4',
  teams: [{ id: 7, name: 'Pumps', tags: ['de'] }],
  fields: [{ name: 'Machine', value: 'P-4' }, { name: 'Hall' }],
  enabled: true,
  created: '2026-11-24T09:00:00Z',
  path: '/request#fhs_1',
  link: 'https://calls.example.org/request#fhs_1',
  ...over,
});

describe('a link as it is entered', () => {
  it('goes back as it came, with what is not asked about', () => {
    const form = new LinkForm();
    form.take(link({ expiresDateTime: '2027-03-27T09:30:00.000Z', mostOpen: 2 }));
    expect(form.body()).toEqual({
      name: 'Press 4',
      callTitle: null,
      teams: [{ id: 7, tags: ['de'] }],
      fields: [
        { name: 'Machine', value: 'P-4' },
        { name: 'Hall', value: null },
      ],
      expiresDateTime: '2027-03-27T09:30:00.000Z',
      mostOpen: 2,
      mostHourly: null,
    });
  });

  it('says what keeps it from being saved', () => {
    const form = new LinkForm();
    expect(form.wrong).toBe('link-name-missing');
    form.name = 'Press 4';
    expect(form.wrong).toBe('link-team-missing');
    form.choose(7, true);
    expect(form.wrong).toBeUndefined();
    form.addField();
    const [row] = form.fields;
    if (row) row.value = 'P-4';
    expect(form.wrong).toBe('link-field-missing');
    form.removeField(0);
    for (const id of [1, 2, 3, 4, 5]) form.choose(id, true);
    expect(form.wrong).toBe('link-too-many-teams');
    form.choose(7, false);
    expect(form.wrong).toBeUndefined();
  });
});

it('links are made and changed, listed by name and told apart', async () => {
  const asked: unknown[] = [];
  let known = [link({ id: 5, name: 'Press' }), link({ id: 4, name: 'Lathe' })];
  const links = new RequestLinks({
    teams: async () => [],
    requestLinks: async () => [...known],
    createRequestLink: async (body: NewRequestLink) => {
      asked.push(['create', body.name]);
      const made = link({ id: 6, name: body.name });
      known = [...known, made];
      return made;
    },
    changeRequestLink: async (id: number, body: RequestLinkChange) => {
      asked.push(['change', id, body.name]);
      return link({ id });
    },
    revokeRequestLink: async (id: number) => link({ id }),
    deleteRequestLink: async () => undefined,
  });
  const form = new LinkForm();
  form.name = 'Press';
  form.choose(7, true);
  expect((await links.save(form, undefined))?.id).toBe(6);
  expect([...links.names.values()]).toEqual(['Lathe', 'Press (5)', 'Press (6)']);
  await links.save(form, 6);
  expect(asked).toEqual([
    ['create', 'Press'],
    ['change', 6, 'Press'],
  ]);
  expect(links.attempt.done).toEqual({ id: 'link-saved' });
});
