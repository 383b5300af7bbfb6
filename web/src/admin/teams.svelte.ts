/** The teams of the domain, for administrators. */
import type { AdminRest } from '../api/admin';
import type { TeamQueueSettings, TeamRecord, UserRecord } from '../api/types';
import { uniqueLabels } from '../call/people';
import { Attempt } from './attempt.svelte';
import type { TeamForm } from './team-form.svelte';

type TeamsRest = Pick<
  AdminRest,
  'teams' | 'users' | 'createTeam' | 'replaceTeam' | 'deleteTeam' | 'teamQueue' | 'setTeamQueue'
>;

export class AdminTeams {
  readonly attempt = new Attempt();
  /** Nothing until they are known. */
  teams = $state.raw<TeamRecord[] | undefined>();
  /** Who can be in a team. */
  users = $state.raw<UserRecord[]>([]);

  /** What each of the users is called; no two alike. */
  readonly names = $derived.by(() => {
    const labels = uniqueLabels(
      this.users,
      (user) => user.displayName,
      (user) => user.userId,
    );
    return new Map(this.users.map(({ userDbId }, i) => [userDbId, labels[i] ?? '']));
  });

  constructor(private readonly rest: TeamsRest) {}

  load(): Promise<boolean> {
    return this.attempt.run(async () => {
      await this.look();
      return undefined;
    });
  }

  /** All that is known of one; nothing if there is no such team, or it cannot be said. */
  async open(id: number): Promise<{ team: TeamRecord; queue: TeamQueueSettings } | undefined> {
    let opened: { team: TeamRecord; queue: TeamQueueSettings } | undefined;
    await this.attempt.run(async () => {
      await this.look();
      const team = this.teams?.find((known) => known.id === id);
      if (team) opened = { team, queue: await this.rest.teamQueue(id) };
      return undefined;
    });
    return opened;
  }

  /** A team that was made although its queue was refused is changed by the next try, and not made twice. */
  save(form: TeamForm): Promise<boolean> {
    return this.attempt.run(async () => {
      const body = form.body();
      const team =
        form.id === undefined ? await this.rest.createTeam(body) : await this.rest.replaceTeam(form.id, body);
      form.id = team.id;
      await this.rest.setTeamQueue(team.id, form.queue());
      return undefined;
    });
  }

  remove(id: number): Promise<boolean> {
    return this.attempt.run(async () => {
      await this.rest.deleteTeam(id);
      return undefined;
    });
  }

  private async look(): Promise<void> {
    const [teams, users] = await Promise.all([this.rest.teams(), this.rest.users()]);
    this.teams = teams.sort((a, b) => a.name.localeCompare(b.name));
    this.users = users.sort((a, b) => a.displayName.localeCompare(b.displayName));
  }
}
