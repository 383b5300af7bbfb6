/** What waits for one's teams, and where one's own requests stand. Queues come whole; the newest holds. No DOM. */
import { SvelteMap } from 'svelte/reactivity';
import type {
  CallBackDue,
  CallView,
  EndReason,
  QueuePlace,
  ServerMessage,
  TeamRequests,
  WaitingRequest,
} from '../api/types';
import { codeOf } from '../signalling/requests';
import type { Calls } from './calls.svelte';
import { nameOf, uniqueLabels } from './people';
import type { Signalling } from './stage';

export interface RequestsEnvironment {
  calls: Pick<Calls, 'answers' | 'notice' | 'join'>;
  signalling: Pick<Signalling, 'request'>;
  /** Whether calls one joins start with the camera. */
  camera(): boolean;
  now(): number;
}

/** A request with the words it is spoken of by: no two alike on the screen. */
export interface Shown {
  request: WaitingRequest;
  label: string;
}

export class ServiceRequests {
  /** The latest that came while this page looked on, and wants to be noticed. */
  newest = $state.raw<WaitingRequest | undefined>();
  /** The one this page is claiming. */
  claiming = $state<string | undefined>();

  /** A promise to call back that has come due while this page looked on. */
  due = $state.raw<CallBackDue | undefined>();
  /** How one's own request ended that nobody had come to. */
  over = $state<EndReason | undefined>();

  private readonly queues = new SvelteMap<number, TeamRequests>();
  private readonly places = new SvelteMap<string, QueuePlace>();

  constructor(private readonly env: RequestsEnvironment) {}

  /** What waits, team by team. */
  get teams(): { id: number; name: string; waiting: number; shown: Shown[] }[] {
    const queues = [...this.queues.values()].filter(({ requests }) => requests.length > 0);
    const all = queues.flatMap(({ requests }) => requests);
    const plain = (request: WaitingRequest) => nameOf(request.from);
    const labels = uniqueLabels(all, plain, (request) => `${request.callTitle}, ${all.indexOf(request) + 1}`);
    return queues.map(({ team, waiting, requests }) => ({
      id: team.id ?? 0,
      name: team.name ?? '',
      waiting,
      shown: requests.map((request) => ({ request, label: labels[all.indexOf(request)] ?? plain(request) })),
    }));
  }

  /** Where a request of one's own stands: what was told last. */
  placeOf(call: CallView): QueuePlace | undefined {
    if (call.serviceRequest?.state !== 'waiting') return undefined;
    return this.places.get(call.callId) ?? call.serviceRequest.place ?? undefined;
  }

  /** Whoever promised to call back should do so by now. */
  isDue(request: WaitingRequest): boolean {
    return request.callBackDateTime ? Date.parse(request.callBackDateTime) <= this.env.now() : false;
  }

  frame(frame: ServerMessage): void {
    if (frame.type === 'requests') this.queue(frame.queue);
    else if (frame.type === 'requestPlace') this.places.set(frame.callId, frame.place);
    else if (frame.type === 'callBackDue') this.due = frame;
    else if (frame.type === 'call') this.call(frame.call);
  }

  /** A call says its place afresh with every change. */
  private call(call: CallView): void {
    this.places.delete(call.callId);
    if (call.callId === this.due?.callId && call.serviceRequest?.state !== 'promised') this.due = undefined;
    if (call.endReason && call.creator === call.you) this.over = call.endReason;
    const expired = call.endReason === 'expired' && call.creator === call.you;
    if (expired) this.env.calls.notice = { kind: 'error', code: 'request_expired' };
  }

  /** Takes a request and goes into its call. */
  async claim(request: WaitingRequest): Promise<void> {
    const { calls, signalling } = this.env;
    const { callId } = request;
    if (this.claiming) return;
    this.claiming = callId;
    // It rings for whoever has claimed it: not here, where it is joined at once.
    calls.answers = callId;
    try {
      await signalling.request({ type: 'claimServiceRequest', callId });
      void calls.join(callId, nameOf(request.from), this.env.camera());
    } catch (error) {
      calls.notice = { kind: 'error', code: codeOf(error) };
    } finally {
      this.claiming = undefined;
      calls.answers = undefined;
    }
  }

  /** A new session is told everything anew. */
  reset(): void {
    this.queues.clear();
    this.places.clear();
    this.newest = undefined;
    this.due = undefined;
  }

  private queue(queue: TeamRequests): void {
    // One request may wait for several teams: it is new once, and gone when it is in no queue any more.
    const known = this.waiting();
    const fresh = queue.requests.find(({ callId, popup }) => popup && !known.has(callId));
    this.queues.set(queue.team.id ?? 0, queue);
    if (fresh) this.newest = fresh;
    else if (this.newest && !this.waiting().has(this.newest.callId)) this.newest = undefined;
    if (this.due && known.has(this.due.callId) && !this.waiting().has(this.due.callId)) this.due = undefined;
  }

  private waiting(): Set<string> {
    return new Set([...this.queues.values()].flatMap(({ requests }) => requests.map(({ callId }) => callId)));
  }
}

/** Requests of one's own that nobody has come to yet. */
export function isOwnRequest(call: CallView): boolean {
  return (
    call.creator === call.you &&
    call.serviceRequest !== undefined &&
    call.serviceRequest !== null &&
    call.seat === 'none'
  );
}
