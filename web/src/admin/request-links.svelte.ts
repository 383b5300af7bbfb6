/** Public links by which anybody in front of a machine asks a team for help. */
import type { AdminRest } from '../api/admin';
import type { RequestLinkRecord, TeamRecord } from '../api/types';
import { uniqueLabels } from '../call/people';
import { Attempt } from './attempt.svelte';
import type { LinkForm } from './link-form.svelte';

type LinksRest = Pick<
  AdminRest,
  'requestLinks' | 'createRequestLink' | 'changeRequestLink' | 'revokeRequestLink' | 'deleteRequestLink' | 'teams'
>;

export class RequestLinks {
  readonly attempt = new Attempt();
  /** Nothing until they are known. */
  links = $state.raw<RequestLinkRecord[] | undefined>();
  /** Who can be asked. */
  teams = $state.raw<TeamRecord[]>([]);

  /** What each is called; no two alike. */
  readonly names = $derived.by(() => {
    const all = this.links ?? [];
    const labels = uniqueLabels(
      all,
      ({ name }) => name,
      ({ id }) => String(id),
    );
    return new Map(all.map(({ id }, i) => [id, labels[i] ?? '']));
  });

  constructor(private readonly rest: LinksRest) {}

  load(): Promise<boolean> {
    return this.attempt.run(async () => {
      await this.look();
      return undefined;
    });
  }

  /** Makes one, or changes the one with this id. Hands back what it is then. */
  async save(form: LinkForm, id: number | undefined): Promise<RequestLinkRecord | undefined> {
    let saved: RequestLinkRecord | undefined;
    await this.attempt.run(async () => {
      const body = form.body();
      saved = id === undefined ? await this.rest.createRequestLink(body) : await this.rest.changeRequestLink(id, body);
      await this.look();
      return { id: 'link-saved' };
    });
    return saved;
  }

  enable({ id }: RequestLinkRecord, enabled: boolean): Promise<boolean> {
    return this.attempt.run(async () => {
      await this.rest.changeRequestLink(id, { enabled });
      await this.look();
      return { id: enabled ? 'link-is-enabled' : 'link-is-disabled' };
    });
  }

  /** What is printed leads nowhere any more; there is another link in its place. */
  revoke({ id }: RequestLinkRecord): Promise<boolean> {
    return this.attempt.run(async () => {
      await this.rest.revokeRequestLink(id);
      await this.look();
      return { id: 'link-revoked' };
    });
  }

  remove({ id }: RequestLinkRecord): Promise<boolean> {
    return this.attempt.run(async () => {
      await this.rest.deleteRequestLink(id);
      return undefined;
    });
  }

  private async look(): Promise<void> {
    const [links, teams] = await Promise.all([this.rest.requestLinks(), this.rest.teams()]);
    this.links = links.sort((a, b) => a.name.localeCompare(b.name));
    this.teams = teams.sort((a, b) => a.name.localeCompare(b.name));
  }
}
