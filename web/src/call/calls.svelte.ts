/**
 * The calls this page knows of, the rings, and the one call it is in. Follows the server: what a `call` frame says
 * holds, and what the person does is asked of the server first. No DOM, no RTCPeerConnection.
 */
import { SvelteMap } from 'svelte/reactivity';
import type { CallView, Ring, RingEndReason, ServerMessage, Team, Welcome } from '../api/types';
import { codeOf, type RequestFrame } from '../signalling/requests';
import type { Guest } from './guest';
import { Leaving } from './leaving';
import { joinWith } from './offering';
import { mayCome, nameOf, sharers } from './people';
import { Rings } from './rings';
import type { MediaState } from './session';
import type { SfuLink } from './sfu-link';
import type { CallsEnvironment, Notice, Stage } from './stage';
import { callTo, type Whom } from './whom';

export class Calls {
  readonly rings: Rings;
  readonly known = new SvelteMap<string, CallView>();
  stage = $state.raw<Stage>({ name: 'none' });
  notice = $state.raw<Notice | undefined>();

  /** The call being joined, if its id is known; frames about it may overtake the answer. */
  private joining: string | undefined;
  /** What is being started, to be given up by a hang-up. */
  private start: { frame: RequestFrame; given: AbortController } | undefined;
  /** Calls given up before the server had named them: frames tell of them before the answer does. */
  private nameless = 0;
  /** Joined by this page as soon as it is claimed: it need not ring here. */
  answers: string | undefined;
  /** A rejoin is on its way, or a join for which a connection stands ready: frames may still tell of the plan that it is about to replace. */
  private planDue = false;
  /** The last attempt to rejoin; one that has not been sent yet is withdrawn by the next. */
  private rejoined: AbortController | undefined;
  private readonly leaving: Leaving;
  /** Raised by every start and every hang-up: an answer that comes later than the next wish is void. */
  private wish = 0;

  constructor(private readonly env: CallsEnvironment) {
    this.rings = new Rings(env);
    this.leaving = new Leaving(env.signalling);
  }

  get active(): CallView | undefined {
    return this.stage.name === 'active' ? this.known.get(this.stage.callId) : undefined;
  }

  get inCall(): boolean {
    return this.stage.name === 'active' || this.stage.name === 'starting';
  }

  /** Calls somebody of the domain. */
  call(user: { userDbId: number; displayName: string }, camera: boolean): Promise<void> {
    return this.begin({ type: 'createCall', call: callTo({ userDbId: user.userDbId }) }, user.displayName, camera);
  }

  /** Calls somebody without an account, by a message. */
  callGuest(guest: Guest, camera: boolean): Promise<void> {
    return this.begin({ type: 'createCall', call: callTo(guest) }, nameOf(guest), camera);
  }

  /** Calls whoever of a team is first to answer. */
  callTeam(team: Team, camera: boolean): Promise<void> {
    return this.begin({ type: 'createCall', call: callTo(team) }, team.name, camera);
  }

  accept(ring: Ring, camera: boolean): Promise<void> {
    this.rings.delete(ring.callId);
    return this.join(ring.callId, nameOf(ring.from), camera);
  }

  join(callId: string, label: string, camera: boolean): Promise<void> {
    const prepared = this.env.takePrepared(callId);
    const link = prepared ?? this.offering(callId);
    return this.begin({ type: 'join', callId, ...(prepared && { prepared: true }) }, label, camera, link);
  }

  decline(ring: Ring): Promise<void> {
    this.rings.delete(ring.callId);
    return this.ask({ type: 'decline', callId: ring.callId });
  }

  ringAgain(contactId: number): Promise<void> {
    if (this.stage.name !== 'active') return Promise.resolve();
    return this.ask({ type: 'ringAgain', callId: this.stage.callId, contactId });
  }

  /** Rings somebody, or a team, for this call. */
  async invite(who: Whom): Promise<void> {
    if (this.stage.name !== 'active') return;
    try {
      await this.env.invite(this.stage.callId, who);
    } catch (error) {
      this.notice = { kind: 'error', code: codeOf(error) };
    }
  }

  hangUp(): Promise<void> {
    const call = this.active;
    const joining = this.joining;
    this.wish += 1;
    this.joining = undefined;
    this.planDue = false;
    this.giveUpStart();
    if (!call) {
      this.leave({ name: 'none' });
      // In the same order as they were asked: the server seats this page, and takes the seat back.
      return joining === undefined ? Promise.resolve() : this.leaving.leave(joining);
    }
    this.leave({ name: 'ended', call, ending: 'youHungUp' });
    return this.leaving.leave(call.callId);
  }

  /** Closes the "ended" or "moved" view. */
  dismiss(): void {
    if (this.stage.name === 'ended' || this.stage.name === 'moved') this.stage = { name: 'none' };
  }

  /** A page reloaded in mid-call goes back into it; said once, before the first welcome. */
  restore(): void {
    const remembered = this.env.memory.load();
    if (!remembered) return;
    this.stage = { name: 'active', callId: remembered.callId };
    this.env.signalling.inCall = true;
    this.env.media.begin(remembered);
  }

  /** Everything stops: signed out. */
  reset(): void {
    this.wish += 1;
    this.joining = undefined;
    this.planDue = false;
    this.giveUpStart();
    this.leave({ name: 'none' });
    this.rings.clear();
    this.known.clear();
    this.leaving.forgetAll();
    this.notice = undefined;
  }

  /** A link that cannot be mended: a new epoch gives both ends a new one. */
  mediaBroken(): void {
    if (this.stage.name === 'active' && this.joining === undefined) void this.rejoin(this.stage.callId, 0);
  }

  remember(state: MediaState): void {
    if (this.stage.name !== 'active') return;
    const sfu = this.active ? this.active.callType === 'SFU' : this.env.memory.load()?.sfu;
    this.env.memory.save({ callId: this.stage.callId, ...(sfu && { sfu }), ...state });
  }

  welcome(welcome: Welcome): void {
    this.rings.tellTime(welcome.serverTime);
    if (welcome.resumed) {
      this.env.media.check(false);
      return;
    }
    const active = this.active;
    this.rings.clear();
    this.known.clear();
    if (this.stage.name !== 'active') return;
    // The view goes on showing what was last known until the server has answered.
    if (active) this.known.set(active.callId, { ...active, version: -1 });
    void this.rejoin(this.stage.callId, this.env.media.liveEpoch);
  }

  frame(frame: ServerMessage): void {
    if (frame.type === 'ring') this.ring(frame.ring);
    else if (frame.type === 'ringEnd') this.ringEnded(frame.callId, frame.reason);
    else if (frame.type === 'call') this.see(frame.call);
    else if (frame.type === 'moved') this.moved(frame.callId);
    else if ('callId' in frame && this.concerns(frame.callId)) this.media(frame);
  }

  private media(frame: ServerMessage): void {
    if (frame.type === 'signal') this.env.media.signal(frame.epoch, frame.signal);
    else if (frame.type === 'slots') this.env.media.slots(frame);
    else if (frame.type === 'pathLost') this.env.media.pathLost(frame.epoch);
    else if (frame.type === 'speaker') this.env.media.speaks(frame.contact ?? undefined);
  }

  private async begin(frame: RequestFrame, label: string, camera: boolean, link?: SfuLink): Promise<void> {
    const left = this.active;
    const wish = ++this.wish;
    this.giveUpStart();
    this.planDue = link !== undefined;
    this.joining = frame.type === 'join' ? frame.callId : undefined;
    if (frame.type === 'join') this.leaving.forget(frame.callId);
    this.notice = undefined;
    // Both at once: the server's answer and the camera.
    this.stage = { name: 'starting', label };
    this.env.signalling.inCall = true;
    const start = { frame, given: new AbortController() };
    this.start = start;
    const answer = joinWith(link, this.env.signalling, frame, start.given.signal);
    this.env.media.begin({ microphone: true, camera }, link);
    if (left) void this.leaving.leave(left.callId);
    try {
      const { call, sdp } = await answer;
      if (!call) return;
      if (wish === this.wish) this.answered(call, link, sdp);
      else if (!this.concerns(call.callId) && !this.leaving.has(call.callId)) void this.leaving.leave(call.callId);
    } catch (error) {
      if (wish !== this.wish) return;
      this.leave({ name: 'none' });
      this.notice = { kind: 'error', code: codeOf(error) };
    } finally {
      if (wish === this.wish) this.settle();
      if (this.start === start) this.start = undefined;
      else if (frame.type === 'createCall') this.nameless -= 1;
    }
  }

  /** A connection that can be offered with the `join`, if the call is known to go through the server: a page that was just loaded again knows no more. */
  private offering(callId: string): SfuLink | undefined {
    const call = this.known.get(callId);
    if (call?.callType === 'SFU') return this.env.offering(mayCome(call).length, call.mediaPlan?.iceServers ?? []);
    const remembered = this.env.memory.load();
    return remembered?.callId === callId && remembered.sfu ? this.env.offering(0, []) : undefined;
  }

  /** The answer may come all the same, if the question is on its way already. */
  private giveUpStart(): void {
    this.rejoined?.abort();
    const start = this.start;
    if (!start) return;
    this.start = undefined;
    if (start.frame.type === 'createCall') this.nameless += 1;
    start.given.abort();
  }

  private async rejoin(callId: string, epoch: number): Promise<void> {
    const wish = this.wish;
    // Asked twice it would make two new connections.
    this.rejoined?.abort();
    const given = new AbortController();
    this.rejoined = given;
    const wanted = () => wish === this.wish && this.rejoined === given;
    this.joining = callId;
    this.planDue = true;
    const link = epoch === 0 ? this.offering(callId) : undefined;
    if (link) this.env.media.bring(link);
    try {
      const frame = { type: 'join' as const, callId, rejoin: epoch };
      const { call, sdp } = await joinWith(link, this.env.signalling, frame, given.signal);
      if (!wanted() || !call) {
        link?.close();
        return;
      }
      this.answered(call, link, sdp);
      if (link) this.env.media.announce();
      else this.env.media.check(false);
    } catch (error) {
      link?.close();
      if (wanted()) this.rejoinFailed(callId, codeOf(error));
    } finally {
      if (wanted()) this.settle();
    }
  }

  private rejoinFailed(callId: string, code: string): void {
    // The next welcome asks again.
    if (code === 'connection_lost') return;
    if (PASSING.has(code)) {
      this.rejoinLater(callId);
      return;
    }
    const call = this.known.get(callId);
    if (code === 'seat_moved') {
      this.leave({ name: 'moved', callId });
    } else if (call) {
      this.leave({ name: 'ended', call, ending: call.endReason ?? 'unknown' });
    } else {
      this.leave({ name: 'none' });
      this.notice = { kind: 'error', code };
    }
  }

  /** The call goes on; only the server cannot say so at the moment. */
  private rejoinLater(callId: string): void {
    const wish = this.wish;
    this.env.clock.setTimeout(() => {
      const wanted = wish === this.wish && this.stage.name === 'active' && this.joining === undefined;
      if (wanted) void this.rejoin(callId, this.env.media.liveEpoch);
    }, REJOIN_MS);
  }

  private settle(): void {
    this.joining = undefined;
    this.planDue = false;
  }

  /** A join is granted. `sdp`: the answer to the offer of this connection. */
  private answered(call: CallView, link: SfuLink | undefined, sdp: string | null | undefined): void {
    this.enter(call);
    const plan = this.active?.mediaPlan;
    // A plan that has come since has another connection, which has had no offer.
    const current = plan?.epoch === call.mediaPlan?.epoch;
    link?.joined((current && sdp) || undefined, plan?.prepared);
  }

  /** This page has the seat. */
  private enter(call: CallView): void {
    const known = this.known.get(call.callId);
    if (!known || known.version <= call.version) this.known.set(call.callId, call);
    const current = known && known.version > call.version ? known : call;
    this.rings.delete(call.callId);
    if (current.callStatus === 'Ended') {
      this.leave({ name: 'ended', call: current, ending: current.endReason ?? 'unknown' });
      return;
    }
    const fresh = this.stage.name !== 'active' || this.stage.callId !== call.callId;
    if (fresh) this.stage = { name: 'active', callId: call.callId };
    this.remember(this.env.media.wanted);
    this.env.signalling.inCall = true;
    this.env.media.apply(current.mediaPlan, mayCome(current).length, sharers(current));
    if (fresh) this.env.media.announce();
  }

  private see(call: CallView): void {
    const known = this.known.get(call.callId);
    // One of the same version tells of microphones and cameras.
    if (known && known.version > call.version) return;
    if (call.callStatus === 'Ended') {
      this.known.delete(call.callId);
      this.rings.delete(call.callId);
      this.leaving.forget(call.callId);
      // Also where it had moved to another device: it cannot be continued here any more.
      const moved = this.stage.name === 'moved' && this.stage.callId === call.callId;
      if (moved || this.concerns(call.callId)) this.leave({ name: 'ended', call, ending: call.endReason ?? 'unknown' });
      return;
    }
    this.known.set(call.callId, call);
    if (this.leaving.has(call.callId)) this.leaving.see(call);
    else if (call.seat === 'here') this.seated(call);
    else if (this.stage.name === 'active' && this.concerns(call.callId) && !this.joining) this.unseated(call);
  }

  private seated(call: CallView): void {
    if (this.planDue && this.concerns(call.callId)) return;
    // Its answer follows, and the call is left then.
    const givenUp = this.nameless > 0 && call.creator === call.you;
    if (this.concerns(call.callId)) {
      this.enter(call);
    } else if (!givenUp && this.stage.name !== 'active' && this.stage.name !== 'starting') {
      // Another program of this person joined for this page (POST /rtc/joinCall). Nobody clicked here, so nothing is
      // switched on.
      this.env.media.begin({ microphone: false, camera: false });
      this.enter(call);
    }
  }

  private unseated(call: CallView): void {
    if (call.seat === 'elsewhere') this.moved(call.callId);
    else this.leave({ name: 'ended', call, ending: 'unknown' });
  }

  private moved(callId: string): void {
    if (this.concerns(callId)) this.leave({ name: 'moved', callId });
  }

  private concerns(callId: string): boolean {
    return this.joining === callId || (this.stage.name === 'active' && this.stage.callId === callId);
  }

  /** Media stop, and the screen shows `next`. */
  private leave(next: Stage): void {
    this.stage = next;
    this.env.media.end();
    this.env.memory.clear();
    this.env.signalling.inCall = false;
  }

  private async ask(frame: RequestFrame): Promise<void> {
    try {
      await this.env.signalling.request(frame);
    } catch (error) {
      const code = codeOf(error);
      if (code !== 'call_ended') this.notice = { kind: 'error', code };
    }
  }

  private ring(ring: Ring): void {
    if (this.concerns(ring.callId) || ring.callId === this.answers) return;
    this.rings.begin(ring);
  }

  private ringEnded(callId: string, reason: RingEndReason): void {
    const ring = this.rings.end(callId);
    if (ring && reason !== 'declined') this.notice = { kind: 'ring', reason, who: nameOf(ring.from) };
  }
}

/** Refusals that say nothing about the call. */
const PASSING = new Set(['timeout', 'internal', 'storage_unavailable', 'overloaded', 'shutting_down']);
/** Soon enough for somebody who waits, seldom enough for a server that has too much to do. */
const REJOIN_MS = 2_000;
