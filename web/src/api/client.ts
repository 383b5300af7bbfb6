/** The REST operations the page uses. Throws RestError with the server's code, or `network`. */
import createClient, { type Client } from 'openapi-fetch';
import { AdminRest } from './admin';
import { codeOf, RestError, unwrap } from './answer';
import type { paths } from './rest';
import type {
  AskedForHelp,
  AskForHelp,
  CallLog,
  CallLogPage,
  CodeAnswer,
  CreateCallRequest,
  DirectoryEntry,
  GuestInvitation,
  HandOverRequest,
  IceServers,
  InviteRequest,
  JoinCode,
  Knocked,
  KnockRequest,
  LoginRequest,
  OpenCall,
  PushBrowser,
  Reach,
  ReachChange,
  RequestForm,
  SubscribeToPush,
  TeamEntry,
  UpdateCallRequest,
  User,
} from './types';

export { codeOf, RestError };

export interface LoggedIn {
  user: User;
  expiresIn: number;
}

/** Called on a 401; resolves to true where a second try may succeed. `since`: when the refused request was sent. */
export type Renew = (since: number) => Promise<boolean>;

/** A network that swallows everything must not leave a page waiting for minutes. Longer than a bad one takes. */
const PATIENCE_MS = 20_000;

export class Rest {
  /** For administrators of the domain. */
  readonly admin: AdminRest;

  private readonly client: Client<paths>;

  constructor(
    origin: string,
    private readonly fetcher: typeof fetch,
    private readonly renew: Renew,
    private readonly now: () => number,
    private readonly patience = () => AbortSignal.timeout(PATIENCE_MS),
  ) {
    this.client = createClient<paths>({ baseUrl: origin, fetch: (request) => this.fetch(request) });
    this.admin = new AdminRest(this.client);
  }

  async login(body: LoginRequest): Promise<LoggedIn> {
    return unwrap(this.client.POST('/auth/login', { body }));
  }

  async refresh(): Promise<LoggedIn> {
    // Kept alive: were it cut off by a reload, the new token would be lost, and the old one used a second time.
    return unwrap(this.client.POST('/auth/refresh', { body: {}, keepalive: true }));
  }

  async logout(): Promise<void> {
    await unwrap(this.client.POST('/auth/logout'));
  }

  me(): Promise<User> {
    return unwrap(this.client.GET('/auth/me'));
  }

  async contacts(): Promise<DirectoryEntry[]> {
    return (await unwrap(this.client.GET('/rtc/getContacts'))).users;
  }

  teams(): Promise<TeamEntry[]> {
    return unwrap(this.client.GET('/rtc/getTeams'));
  }

  /** Without a device to join with. The same `key` for the same request makes no second call. */
  async createCall(body: CreateCallRequest, key: string): Promise<void> {
    await unwrap(this.client.POST('/rtc/createCall', { body, headers: { 'idempotency-key': key } }));
  }

  async updateCall(body: UpdateCallRequest): Promise<void> {
    await unwrap(this.client.POST('/rtc/updateCall', { body }));
  }

  async cancelCall(callId: string): Promise<void> {
    await unwrap(this.client.POST('/rtc/cancelCall', { body: { callId } }));
  }

  async promiseCallBack(callId: string, callBackDateTime: string, note: string): Promise<void> {
    await unwrap(this.client.POST('/rtc/promiseCallBack', { body: { callId, callBackDateTime, note } }));
  }

  async handOver(body: HandOverRequest): Promise<void> {
    await unwrap(this.client.POST('/rtc/handOverCall', { body }));
  }

  async calendarLink(): Promise<string> {
    return (await unwrap(this.client.GET('/rtc/getCalendarLink'))).path;
  }

  async renewCalendarLink(): Promise<string> {
    return (await unwrap(this.client.POST('/rtc/renewCalendarLink'))).path;
  }

  reach(): Promise<Reach> {
    return unwrap(this.client.GET('/rtc/getReachSettings'));
  }

  updateReach(body: ReachChange): Promise<Reach> {
    return unwrap(this.client.POST('/rtc/updateReachSettings', { body }));
  }

  async pushKey(): Promise<string> {
    return (await unwrap(this.client.GET('/rtc/getPushKey'))).publicKey;
  }

  async pushBrowsers(): Promise<PushBrowser[]> {
    return (await unwrap(this.client.GET('/rtc/getPushSubscriptions'))).subscriptions;
  }

  subscribeToPush(body: SubscribeToPush): Promise<PushBrowser> {
    return unwrap(this.client.POST('/rtc/subscribeToPush', { body }));
  }

  async unsubscribeFromPush(id: string): Promise<void> {
    await unwrap(this.client.POST('/rtc/unsubscribeFromPush', { body: { id } }));
  }

  iceServers(): Promise<IceServers> {
    return unwrap(this.client.GET('/rtc/getIceServers'));
  }

  callLogs(before: number | undefined, limit: number): Promise<CallLogPage> {
    return unwrap(this.client.GET('/rtc/getCallLogs', { params: { query: { before, limit } } }));
  }

  callLog(callId: string): Promise<CallLog> {
    return unwrap(this.client.GET('/rtc/getCallLogById', { params: { query: { callId } } }));
  }

  /** Rings somebody, or a team, for a call that goes on. */
  async invite(callId: string, whom: Omit<InviteRequest, 'callId'>): Promise<void> {
    const body = { callId, ...whom };
    await unwrap(this.client.POST('/rtc/inviteToCall', { body }));
  }

  /** What a guest's link leads to. */
  look(): Promise<GuestInvitation> {
    return unwrap(this.client.POST('/guest/look'));
  }

  accept(version: string): Promise<GuestInvitation> {
    return unwrap(this.client.POST('/guest/accept', { body: { version } }));
  }

  /** What the link to a whole call leads to. */
  lookAtCall(): Promise<OpenCall> {
    return unwrap(this.client.POST('/guest/openCall'));
  }

  knock(body: KnockRequest): Promise<Knocked> {
    return unwrap(this.client.POST('/guest/knock', { body }));
  }

  async leaveLobby(knockId: string): Promise<void> {
    await unwrap(this.client.POST('/guest/leaveLobby', { body: { knockId }, keepalive: true }));
  }

  /** What the public link of a machine leads to. */
  lookAtMachine(): Promise<RequestForm> {
    return unwrap(this.client.POST('/guest/openRequest'));
  }

  askForHelp(body: AskForHelp): Promise<AskedForHelp> {
    return unwrap(this.client.POST('/guest/askForHelp', { body }));
  }

  /** Lets somebody in who waits in the lobby of a call, or does not. */
  async decide(callId: string, lobbyId: string, admit: boolean): Promise<void> {
    const body = { callId, lobbyId };
    if (admit) await unwrap(this.client.POST('/rtc/admitToCall', { body }));
    else await unwrap(this.client.POST('/rtc/refuseFromCall', { body }));
  }

  /** Where six digits lead. */
  useCode(code: string): Promise<CodeAnswer> {
    return unwrap(this.client.POST('/guest/code', { body: { code } }));
  }

  /** Digits that lead into a call, or for one guest of it. */
  joinCode(callId: string, contactId?: number): Promise<JoinCode> {
    return unwrap(this.client.POST('/rtc/createJoinCode', { body: { callId, contactId } }));
  }

  async callLink(callId: string): Promise<string> {
    return (await unwrap(this.client.POST('/rtc/getCallLink', { body: { callId } }))).link;
  }

  async revokeCallLink(callId: string): Promise<void> {
    await unwrap(this.client.POST('/rtc/revokeCallLink', { body: { callId } }));
  }

  async guestLink(callId: string, contactId: number): Promise<string> {
    return (await unwrap(this.client.POST('/rtc/getGuestLink', { body: { callId, contactId } }))).link;
  }

  async revokeGuestLink(callId: string, contactId: number): Promise<void> {
    await unwrap(this.client.POST('/rtc/revokeGuestLink', { body: { callId, contactId } }));
  }

  async resendInvitation(callId: string, contactId: number): Promise<void> {
    await unwrap(this.client.POST('/rtc/resendInvitation', { body: { callId, contactId } }));
  }

  /** A piece of an own still picture; resolves to how much of it the server has. */
  async putStill(callId: string, stillId: string, offset: number, size: number, bytes: Uint8Array): Promise<number> {
    const params = { path: { callId, stillId }, query: { offset, size } };
    const body = bytes as unknown as number[];
    const answer = this.client.PUT('/rtc/stills/{callId}/{stillId}', {
      params,
      body,
      bodySerializer: () => new Blob([bytes as Uint8Array<ArrayBuffer>]),
    });
    return (await unwrap(answer)).received;
  }

  /** A part of somebody's still picture; nothing, if that is gone. */
  async getStill(callId: string, contact: number, from: number, bytes: number, id: string | undefined) {
    const answer = await this.client.GET('/rtc/stills/{callId}/of/{contact}', {
      params: { path: { callId, contact } },
      headers: { range: `bytes=${from}-${from + bytes - 1}`, ...(id && { 'if-match': id }) },
      parseAs: 'arrayBuffer',
    });
    const { response } = answer;
    if (response.status === 404 || response.status === 412) return undefined;
    if (!response.ok) throw new RestError('network');
    return {
      id: response.headers.get('etag') ?? '',
      of: Number(response.headers.get('content-range')?.split('/')[1]),
      ageMs: Number(response.headers.get('age') ?? 0) * 1000,
      bytes: new Uint8Array(answer.data as unknown as ArrayBuffer),
    };
  }

  private async fetch(request: Request): Promise<Response> {
    const path = new URL(request.url).pathname;
    // Cut off, it might have been carried out, and the old token used a second time.
    if (path === '/auth/refresh') return this.fetcher(request);
    if (path === '/auth/login') return this.timed(request);
    const again = request.clone();
    const since = this.now();
    const response = await this.timed(request);
    if (response.status !== 401 || !(await this.renew(since))) return response;
    return this.timed(again);
  }

  private timed(request: Request): Promise<Response> {
    return this.fetcher(new Request(request, { signal: this.patience() }));
  }
}
