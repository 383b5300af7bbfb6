import { beforeEach, describe, expect, it } from 'vitest';
import { RestError } from '../src/api/client';
import type { CallView, IceServer, MediaOffer, ServerMessage, Signal, Slots, Welcome } from '../src/api/types';
import { Calls } from '../src/call/calls.svelte';
import type { RememberedCall } from '../src/call/memory';
import type { MediaState } from '../src/call/session';
import type { SfuLink } from '../src/call/sfu-link';
import type { Whom } from '../src/call/whom';
import type { Telling } from '../src/signalling/client';
import { type Answer, RequestError, type RequestFrame } from '../src/signalling/requests';
import { FakeClock, person, ring, settle, view } from './fakes';

const OFFER: MediaOffer = { sdp: 'my-offer', tracks: [{ mid: '0', source: 'microphone' }] };

class Rig {
  clock = new FakeClock();
  asked: {
    frame: RequestFrame;
    withdrawn: AbortSignal | undefined;
    resolve(call?: CallView, sdp?: string): void;
    reject(code: string): void;
  }[] = [];
  began: MediaState[] = [];
  plans: CallView['mediaPlan'][] = [];
  signals: Signal[] = [];
  lost: number[] = [];
  /** What was prepared for this call, and what of it media began with. */
  prepared = new Map<string, SfuLink>();
  beganWith: (SfuLink | undefined)[] = [];
  /** Connections that were made to be offered with a join, and those that media were given later. */
  offerings: { people: number; relays: IceServer[] }[] = [];
  brought: SfuLink[] = [];
  /** What became of the offers of joins. */
  outcomes: (string | undefined)[] = [];
  givenUp = 0;
  ended = 0;
  people = 0;
  slots: Slots[] = [];
  speakers: (number | undefined)[] = [];
  announced = 0;
  invited: [string, Whom][] = [];
  refusal: RestError | undefined;
  checked = 0;
  remembered: RememberedCall | undefined;
  media = {
    liveEpoch: 0,
    wanted: { microphone: true, camera: false },
    begin: (want: MediaState, prepared?: SfuLink) => {
      this.began.push(want);
      this.beganWith.push(prepared);
    },
    bring: (link: SfuLink) => void this.brought.push(link),
    apply: (plan: CallView['mediaPlan'], people: number) => {
      this.plans.push(plan);
      this.people = people;
    },
    slots: (slots: Slots) => void this.slots.push(slots),
    pathLost: (epoch: number) => void this.lost.push(epoch),
    speaks: (contact: number | undefined) => void this.speakers.push(contact),
    announce: () => void this.announced++,
    signal: (_: number, signal: Signal) => void this.signals.push(signal),
    check: () => void this.checked++,
    end: () => void this.ended++,
  };
  told: Telling[] = [];
  visible = true;
  signalling = {
    inCall: false,
    tell: (frame: Telling) => void this.told.push(frame),
    request: (frame: RequestFrame, withdrawn?: AbortSignal) =>
      new Promise<Answer>((resolve, reject) => {
        const granted = (call?: CallView, sdp?: string) => resolve({ type: 'ok', id: 1, call, sdp });
        this.asked.push({ frame, withdrawn, resolve: granted, reject: (code) => reject(new RequestError(code)) });
      }),
  };
  calls = new Calls({
    clock: this.clock,
    media: this.media,
    signalling: this.signalling,
    takePrepared: (callId) => this.prepared.get(callId),
    offering: (people, relays) => {
      this.offerings.push({ people, relays });
      return this.link(OFFER);
    },
    invite: async (callId, contact) => {
      if (this.refusal) throw this.refusal;
      this.invited.push([callId, contact]);
    },
    visible: () => this.visible,
    memory: {
      load: () => this.remembered,
      save: (call) => {
        this.remembered = call;
      },
      clear: () => {
        this.remembered = undefined;
      },
    },
  });

  link(offer: MediaOffer | undefined): SfuLink {
    const link = {
      answered: offer === undefined,
      unanswered: async () => offer,
      joined: (sdp: string | undefined) => void this.outcomes.push(sdp),
      close: () => void this.givenUp++,
    };
    return link as Partial<SfuLink> as SfuLink;
  }

  get last() {
    return this.asked.at(-1)!;
  }

  frame(frame: ServerMessage): void {
    this.calls.frame(frame);
  }

  async inCall(over: Partial<CallView> = {}): Promise<void> {
    void this.calls.accept(ring(), true);
    this.last.resolve(view(over));
    await settle();
  }

  welcome(resumed: boolean): void {
    const serverTime = new Date(this.clock.now()).toISOString();
    this.calls.welcome({ resumed, serverTime } as Welcome);
  }
}

let rig: Rig;
beforeEach(() => {
  rig = new Rig();
});

describe('calling somebody', () => {
  it('creates a MESH call and starts the devices without waiting for the answer', async () => {
    void rig.calls.call({ userDbId: 8, displayName: 'Tester' }, true);
    expect(rig.last.frame).toEqual({
      type: 'createCall',
      call: { callType: 'MESH', invitedContacts: [{ userDbId: 8 }], useStoredAddresses: true },
    });
    expect(rig.began).toEqual([{ microphone: true, camera: true }]);
    expect(rig.calls.stage).toEqual({ name: 'starting', label: 'Tester' });
    rig.last.resolve(view());
    await settle();
    expect(rig.calls.stage).toEqual({ name: 'active', callId: 'call-1' });
    expect(rig.plans.at(-1)?.epoch).toBe(1);
    expect(rig.signalling.inCall).toBe(true);
  });

  it('that is refused ends in words, with the devices off', async () => {
    void rig.calls.call({ userDbId: 8, displayName: 'Tester' }, true);
    rig.last.reject('unknown_contact');
    await settle();
    expect(rig.calls.stage.name).toBe('none');
    expect(rig.calls.notice).toEqual({ kind: 'error', code: 'unknown_contact' });
    expect(rig.ended).toBeGreaterThan(0);
  });

  it('and hanging up before the answer leaves the call once it is there', async () => {
    void rig.calls.call({ userDbId: 8, displayName: 'Tester' }, true);
    const create = rig.last;
    void rig.calls.hangUp();
    expect(rig.calls.stage.name).toBe('none');
    create.resolve(view());
    await settle();
    expect(rig.calls.stage.name).toBe('none');
    expect(rig.last.frame).toEqual({ type: 'leave', callId: 'call-1' });
  });

  it('and hanging up before the answer is not undone by the frame that comes before the answer', async () => {
    void rig.calls.call({ userDbId: 8, displayName: 'Tester' }, true);
    const create = rig.last;
    void rig.calls.hangUp();
    expect(create.withdrawn?.aborted).toBe(true);
    rig.frame({ type: 'call', call: view() });
    expect(rig.calls.stage.name).toBe('none');
    create.resolve(view());
    await settle();
    expect(rig.calls.stage.name).toBe('none');
    expect(rig.last.frame).toEqual({ type: 'leave', callId: 'call-1' });
    expect(rig.began).toHaveLength(1);
  });

  it('anew after hanging up leaves the first call and keeps the second', async () => {
    const tester = { userDbId: 8, displayName: 'Tester' };
    void rig.calls.call(tester, true);
    const first = rig.last;
    void rig.calls.hangUp();
    void rig.calls.call(tester, true);
    const second = rig.last;
    rig.frame({ type: 'call', call: view() });
    first.resolve(view());
    await settle();
    expect(rig.last.frame).toEqual({ type: 'leave', callId: 'call-1' });
    rig.frame({ type: 'call', call: view({ callId: 'call-2' }) });
    second.resolve(view({ callId: 'call-2' }));
    await settle();
    expect(rig.calls.stage).toEqual({ name: 'active', callId: 'call-2' });
    expect(second.withdrawn?.aborted).toBe(false);
  });

  it('that failed after a hang-up does not hide a seat taken by another program later', async () => {
    void rig.calls.call({ userDbId: 8, displayName: 'Tester' }, true);
    const create = rig.last;
    void rig.calls.hangUp();
    create.reject('withdrawn');
    await settle();
    rig.frame({ type: 'call', call: view() });
    expect(rig.calls.stage.name).toBe('active');
  });
});

it('somebody without an account is called by a message', () => {
  void rig.calls.callGuest({ displayName: 'Gil', email: 'gil@example.org' }, false);
  expect(rig.last.frame).toMatchObject({
    call: { invitedContacts: [{ displayName: 'Gil', email: 'gil@example.org' }] },
  });
  expect(rig.calls.stage).toEqual({ name: 'starting', label: 'Gil' });
});

describe('a ring', () => {
  const shown = (seen: boolean) => ({ type: 'ringShown', callId: ring().callId, seen });

  it('is told to be shown, and to be seen once the page is in sight', () => {
    rig.visible = false;
    rig.frame({ type: 'ring', ring: ring() });
    expect(rig.told).toEqual([shown(false)]);
    rig.visible = true;
    rig.calls.rings.seen();
    expect(rig.told).toEqual([shown(false), shown(true)]);
  });

  it('that does not pop up is seen by nobody', () => {
    rig.frame({ type: 'ring', ring: ring({ popup: false }) });
    rig.calls.rings.seen();
    expect(rig.told).toEqual([shown(false), shown(false)]);
  });

  it('that is answered and hung up at once is left, whatever comes first', async () => {
    rig.frame({ type: 'ring', ring: ring() });
    void rig.calls.accept(ring(), true);
    const join = rig.last;
    void rig.calls.hangUp();
    const leave = rig.last;
    expect(leave.frame).toEqual({ type: 'leave', callId: 'call-1' });
    rig.frame({ type: 'call', call: view({ creator: 2 }) });
    join.resolve(view({ creator: 2 }));
    await settle();
    expect(rig.calls.stage.name).toBe('none');
    expect(rig.began).toHaveLength(1);
    expect(rig.last).toBe(leave);
    rig.frame({ type: 'call', call: view({ creator: 2, version: 2, seat: 'none' }) });
    leave.resolve();
    await settle();
    expect(rig.calls.stage.name).toBe('none');
  });

  it('of a request that this page has claimed is none: it joins at once', () => {
    rig.calls.answers = 'call-1';
    rig.calls.frame({ type: 'ring', ring: ring() });
    expect(rig.calls.rings.size).toBe(0);
    rig.calls.answers = undefined;
    rig.calls.frame({ type: 'ring', ring: ring() });
    expect(rig.calls.rings.size).toBe(1);
  });

  it('of the call one is in is none', async () => {
    await rig.inCall();
    rig.frame({ type: 'ring', ring: ring() });
    expect(rig.calls.rings.size).toBe(0);
  });

  it('does not outlast the session', () => {
    rig.frame({ type: 'ring', ring: ring() });
    rig.welcome(true);
    expect(rig.calls.rings.size).toBe(1);
    rig.welcome(false);
    expect(rig.calls.rings.size).toBe(0);
  });

  it('is answered by a join, and its end is no news then', async () => {
    rig.frame({ type: 'ring', ring: ring() });
    expect(rig.calls.rings.size).toBe(1);
    void rig.calls.accept(ring(), false);
    expect(rig.last.frame).toEqual({ type: 'join', callId: 'call-1' });
    expect(rig.began).toEqual([{ microphone: true, camera: false }]);
    rig.frame({ type: 'ringEnd', callId: 'call-1', reason: 'joined' });
    rig.last.resolve(view());
    await settle();
    expect(rig.calls.rings.size).toBe(0);
    expect(rig.calls.notice).toBeUndefined();
    expect(rig.calls.stage.name).toBe('active');
  });

  it('for which a connection stands is answered with that connection', async () => {
    const link = rig.link(undefined);
    rig.prepared.set('call-1', link);
    rig.frame({ type: 'ring', ring: ring({ callType: 'SFU' }) });
    void rig.calls.accept(ring({ callType: 'SFU' }), true);
    // At once: nothing is drawn before.
    expect(rig.last.frame).toEqual({ type: 'join', callId: 'call-1', prepared: true });
    await settle();
    expect(rig.beganWith).toEqual([link]);
  });

  it('that comes again is one ring', () => {
    rig.frame({ type: 'ring', ring: ring() });
    rig.frame({ type: 'ring', ring: ring({ until: '2026-11-22T10:01:00.000Z' }) });
    expect([...rig.calls.rings.values()].map((r) => r.until)).toEqual(['2026-11-22T10:01:00.000Z']);
  });

  it('that ends elsewhere is told', () => {
    rig.frame({ type: 'ring', ring: ring() });
    rig.frame({ type: 'ringEnd', callId: 'call-1', reason: 'takenByOther' });
    expect(rig.calls.rings.size).toBe(0);
    expect(rig.calls.notice).toEqual({ kind: 'ring', reason: 'takenByOther', who: 'Person 2' });
  });

  it('is declined for good', () => {
    rig.frame({ type: 'ring', ring: ring() });
    void rig.calls.decline(ring());
    expect(rig.calls.rings.size).toBe(0);
    expect(rig.last.frame).toEqual({ type: 'decline', callId: 'call-1' });
    expect(rig.began).toHaveLength(0);
  });

  it('does not outlast its time, even if the server cannot say so', async () => {
    rig.welcome(false);
    const until = new Date(rig.clock.now() + 45_000).toISOString();
    rig.frame({ type: 'ring', ring: ring({ until }) });
    await rig.clock.advance(45_500);
    expect(rig.calls.rings.size).toBe(1);
    await rig.clock.advance(1_000);
    expect(rig.calls.rings.size).toBe(0);
  });

  it('answered during a call leaves that call', async () => {
    await rig.inCall();
    void rig.calls.accept(ring({ callId: 'call-2' }), true);
    expect(rig.asked.map((a) => a.frame).slice(-2)).toEqual([
      { type: 'join', callId: 'call-2' },
      { type: 'leave', callId: 'call-1' },
    ]);
  });
});

describe('changing one’s mind', () => {
  it('the refusal of an earlier wish does not end the later call', async () => {
    void rig.calls.call({ userDbId: 8, displayName: 'Tester' }, true);
    const first = rig.last;
    void rig.calls.hangUp();
    await rig.inCall();
    first.reject('timeout');
    await settle();
    expect(rig.calls.stage).toEqual({ name: 'active', callId: 'call-1' });
    expect(rig.calls.notice).toBeUndefined();
  });
});

describe('in a call', () => {
  it('plans are applied as they come, and old frames are not', async () => {
    await rig.inCall({ version: 5 });
    const plan = { mode: 'p2p', epoch: 2, peer: 2, offerer: true } as const;
    rig.frame({ type: 'call', call: view({ version: 6, mediaPlan: plan }) });
    rig.frame({ type: 'call', call: view({ version: 4, mediaPlan: { ...plan, epoch: 1 } }) });
    expect(rig.plans.at(-1)?.epoch).toBe(2);
    expect(rig.calls.active?.version).toBe(6);
  });

  it('a newer frame may overtake the answer to the join', async () => {
    void rig.calls.accept(ring(), true);
    const plan = { mode: 'p2p', epoch: 2, peer: 2, offerer: true } as const;
    rig.frame({ type: 'call', call: view({ version: 9, mediaPlan: plan }) });
    expect(rig.plans.at(-1)?.epoch).toBe(2);
    rig.last.resolve(view({ version: 8 }));
    await settle();
    expect(rig.plans.at(-1)?.epoch).toBe(2);
  });

  it('signals reach the media, those of other calls do not', async () => {
    await rig.inCall();
    const signal = { kind: 'offer', sdp: 'x' } as const;
    rig.frame({ type: 'signal', callId: 'call-1', epoch: 1, from: 2, signal });
    rig.frame({ type: 'signal', callId: 'other', epoch: 1, from: 2, signal });
    expect(rig.signals).toEqual([signal]);
  });

  it('a lost path is mended, one of another call is not', async () => {
    await rig.inCall();
    rig.frame({ type: 'pathLost', callId: 'call-1', epoch: 1 });
    rig.frame({ type: 'pathLost', callId: 'other', epoch: 2 });
    expect(rig.lost).toEqual([1]);
  });

  it('the end comes with its reason and the devices off', async () => {
    await rig.inCall();
    expect(rig.remembered).toEqual({ callId: 'call-1', microphone: true, camera: false });
    const before = rig.ended;
    rig.frame({ type: 'call', call: view({ version: 2, callStatus: 'Ended', seat: 'none', endReason: 'declined' }) });
    expect(rig.calls.stage).toMatchObject({ name: 'ended', ending: 'declined' });
    expect(rig.ended).toBe(before + 1);
    expect(rig.remembered).toBeUndefined();
    expect(rig.signalling.inCall).toBe(false);
  });

  it('hanging up is at once, and the later "ended" does not change the words', async () => {
    await rig.inCall();
    void rig.calls.hangUp();
    expect(rig.calls.stage).toMatchObject({ name: 'ended', ending: 'youHungUp' });
    expect(rig.last.frame).toEqual({ type: 'leave', callId: 'call-1' });
    rig.frame({ type: 'call', call: view({ version: 2, callStatus: 'Ended', seat: 'none', endReason: 'hungUp' }) });
    expect(rig.calls.stage).toMatchObject({ ending: 'youHungUp' });
  });

  it('a hung-up call whose seat the server still holds does not come back', async () => {
    await rig.inCall();
    void rig.calls.hangUp();
    rig.frame({ type: 'call', call: view({ version: 2 }) });
    expect(rig.calls.stage.name).toBe('ended');
  });

  it('the seat moves to another device', async () => {
    await rig.inCall();
    rig.frame({ type: 'moved', callId: 'call-1' });
    expect(rig.calls.stage).toEqual({ name: 'moved', callId: 'call-1' });
    rig.frame({ type: 'call', call: view({ version: 2, seat: 'elsewhere', mediaPlan: undefined }) });
    expect(rig.calls.stage.name).toBe('moved');
    void rig.calls.join('call-1', 'x', true);
    expect(rig.last.frame).toEqual({ type: 'join', callId: 'call-1' });
  });

  it('the end of a call that has moved to another device is shown here, too', async () => {
    await rig.inCall();
    rig.frame({ type: 'moved', callId: 'call-1' });
    rig.frame({ type: 'call', call: view({ version: 3, callStatus: 'Ended', seat: 'none', endReason: 'hungUp' }) });
    expect(rig.calls.stage).toMatchObject({ name: 'ended', ending: 'hungUp' });
  });

  it('somebody is rung again', async () => {
    await rig.inCall({ people: [person(1, 'joined'), person(2, 'declined')] });
    void rig.calls.ringAgain(2);
    expect(rig.last.frame).toEqual({ type: 'ringAgain', callId: 'call-1', contactId: 2 });
  });

  it('a seat taken for this page by another program shows the call, with nothing switched on', () => {
    rig.frame({ type: 'call', call: view() });
    expect(rig.calls.stage.name).toBe('active');
    expect(rig.began).toEqual([{ microphone: false, camera: false }]);
  });
});

describe('after a lost connection', () => {
  it('a resumed session only checks the media', async () => {
    await rig.inCall();
    rig.welcome(true);
    expect(rig.checked).toBe(1);
    expect(rig.asked).toHaveLength(1);
  });

  it('a new session rejoins with the epoch that still lives here', async () => {
    await rig.inCall();
    rig.media.liveEpoch = 3;
    rig.welcome(false);
    expect(rig.last.frame).toEqual({ type: 'join', callId: 'call-1', rejoin: 3 });
    // Frames of the new session come before the answer and say that nobody sits here yet.
    rig.frame({ type: 'call', call: view({ version: 1, seat: 'none', mediaPlan: undefined }) });
    expect(rig.calls.stage.name).toBe('active');
    rig.last.resolve(view({ version: 1 }));
    await settle();
    expect(rig.calls.stage.name).toBe('active');
    expect(rig.ended).toBe(0);
  });

  it('the old plan does not make a connection that the rejoin would replace at once', async () => {
    rig.remembered = { callId: 'call-1', microphone: true, camera: true };
    rig.calls.restore();
    rig.welcome(false);
    const plan = { mode: 'p2p', epoch: 4, peer: 2, offerer: true } as const;
    rig.frame({ type: 'call', call: view({ version: 3, mediaPlan: plan }) });
    expect(rig.plans).toEqual([]);
    rig.last.resolve(view({ version: 4, mediaPlan: { ...plan, epoch: 5 } }));
    await settle();
    expect(rig.plans.map((p) => p?.epoch)).toEqual([5]);
    rig.frame({ type: 'call', call: view({ version: 5, mediaPlan: { ...plan, epoch: 6 } }) });
    expect(rig.plans.map((p) => p?.epoch)).toEqual([5, 6]);
  });

  it('a rejoin is refused where another device took the seat', async () => {
    await rig.inCall();
    rig.welcome(false);
    rig.last.reject('seat_moved');
    await settle();
    expect(rig.calls.stage).toEqual({ name: 'moved', callId: 'call-1' });
  });

  it('a rejoin of an ended call shows the end', async () => {
    await rig.inCall();
    rig.welcome(false);
    rig.last.reject('call_ended');
    await settle();
    expect(rig.calls.stage).toMatchObject({ name: 'ended', ending: 'unknown' });
  });

  it('a rejoin without an answer is tried with the next welcome', async () => {
    await rig.inCall();
    rig.welcome(false);
    rig.last.reject('connection_lost');
    await settle();
    expect(rig.calls.stage.name).toBe('active');
    rig.welcome(false);
    expect(rig.last.frame).toMatchObject({ type: 'join', rejoin: 0 });
  });

  it.each(['timeout', 'storage_unavailable', 'shutting_down'])(
    'a rejoin that the server cannot answer now (%s) is tried again, and the call is not over',
    async (code) => {
      await rig.inCall();
      rig.media.liveEpoch = 3;
      rig.welcome(false);
      rig.last.reject(code);
      await settle();
      expect(rig.calls.stage.name).toBe('active');
      const { length } = rig.asked;
      await rig.clock.advance(2_000);
      expect(rig.asked).toHaveLength(length + 1);
      expect(rig.last.frame).toEqual({ type: 'join', callId: 'call-1', rejoin: 3 });
      // Somebody who hangs up meanwhile is left alone.
      rig.last.reject(code);
      await settle();
      void rig.calls.hangUp();
      await rig.clock.advance(10_000);
      expect(rig.last.frame.type).toBe('leave');
    },
  );

  it('a rejoin that waits for the connection gives way to that of the next welcome', async () => {
    await rig.inCall();
    rig.calls.mediaBroken();
    const first = rig.last;
    rig.welcome(false);
    expect([first.withdrawn?.aborted, rig.last.withdrawn?.aborted]).toEqual([true, false]);
    first.reject('withdrawn');
    await settle();
    rig.last.resolve(view({ version: 2 }));
    await settle();
    expect(rig.calls.stage).toEqual({ name: 'active', callId: 'call-1' });
  });

  it('a reloaded page comes back with what was switched on', async () => {
    rig.remembered = { callId: 'call-1', microphone: false, camera: true };
    rig.calls.restore();
    expect(rig.began).toEqual([{ callId: 'call-1', microphone: false, camera: true }]);
    rig.welcome(false);
    expect(rig.last.frame).toEqual({ type: 'join', callId: 'call-1', rejoin: 0 });
    rig.last.resolve(view());
    await settle();
    expect(rig.calls.stage).toEqual({ name: 'active', callId: 'call-1' });
  });

  it('a link beyond repair asks for a new epoch', async () => {
    await rig.inCall();
    rig.calls.mediaBroken();
    expect(rig.last.frame).toEqual({ type: 'join', callId: 'call-1', rejoin: 0 });
  });

  it('a call hung up meanwhile is left as soon as the server is heard again', async () => {
    await rig.inCall();
    void rig.calls.hangUp();
    rig.last.reject('timeout');
    await settle();
    rig.welcome(false);
    rig.frame({ type: 'call', call: view({ version: 3, seat: 'elsewhere', mediaPlan: undefined }) });
    expect(rig.last.frame).toEqual({ type: 'leave', callId: 'call-1' });
    expect(rig.asked.filter((a) => a.frame.type === 'leave')).toHaveLength(2);
    expect(rig.calls.stage.name).toBe('ended');
  });
});

describe('people in a call', () => {
  it('one more is rung over REST, and a refusal is told in words', async () => {
    await rig.inCall();
    await rig.calls.invite({ userDbId: 9 });
    expect(rig.invited).toEqual([['call-1', { userDbId: 9 }]]);
    rig.refusal = new RestError('call_full');
    await rig.calls.invite({ email: 'gil@example.org' });
    expect(rig.calls.notice).toEqual({ kind: 'error', code: 'call_full' });
    expect(rig.calls.inCall).toBe(true);
  });

  it('what their microphones and cameras do comes in frames of the same version', async () => {
    await rig.inCall({ version: 4 });
    const media = { microphone: false, camera: true };
    const people = [person(1, 'joined'), { ...person(2, 'joined'), media }];
    rig.frame({ type: 'call', call: view({ version: 4, people }) });
    expect(rig.calls.active?.people[1]?.media).toEqual(media);
    rig.frame({ type: 'call', call: view({ version: 3 }) });
    expect(rig.calls.active?.people[1]?.media).toEqual(media);
  });

  it('hear what this page sends: after joining, and after each new or resumed connection', async () => {
    await rig.inCall();
    expect(rig.announced).toBe(1);
    rig.frame({ type: 'call', call: view({ version: 2 }) });
    expect(rig.announced).toBe(1);
    // CallMedia announces with each check.
    rig.welcome(true);
    expect(rig.checked).toBe(1);
    rig.welcome(false);
    rig.last.resolve(view({ version: 3 }));
    await settle();
    expect(rig.checked).toBe(2);
  });

  it('those who may come count for the lines to receive on', async () => {
    const states = ['joined', 'ringing', 'reconnecting', 'declined', 'left', 'broker'] as const;
    await rig.inCall({ people: states.map((state, i) => person(i + 1, state)) });
    expect(rig.people).toBe(2);
  });

  it('who speaks, and who comes on which line, is heeded for this call only', async () => {
    await rig.inCall();
    const slots: Slots = { type: 'slots', callId: 'call-1', epoch: 1, slots: [], missing: 0 };
    rig.frame(slots);
    rig.frame({ ...slots, callId: 'call-2' });
    rig.frame({ type: 'speaker', callId: 'call-1', contact: 2 });
    rig.frame({ type: 'speaker', callId: 'call-2', contact: 3 });
    rig.frame({ type: 'speaker', callId: 'call-1' });
    expect(rig.slots).toHaveLength(1);
    expect(rig.speakers).toEqual([2, undefined]);
  });
});

describe('a call through the server', () => {
  const sfu = { mode: 'sfu', epoch: 1, offerer: true } as const;
  const invited = (over: Partial<CallView> = {}) =>
    view({ callType: 'SFU', seat: 'none', mediaPlan: undefined, ...over });
  const seated = (over: Partial<CallView> = {}) => view({ callType: 'SFU', mediaPlan: sfu, version: 2, ...over });

  it('is joined with an offer, whose answer comes with the seat', async () => {
    rig.frame({ type: 'call', call: invited() });
    void rig.calls.join('call-1', 'Pump 7', true);
    await settle();
    expect(rig.last.frame).toEqual({ type: 'join', callId: 'call-1', offer: OFFER });
    expect([rig.offerings, rig.beganWith.length]).toEqual([[{ people: 1, relays: [] }], 1]);
    rig.frame({ type: 'call', call: seated() });
    rig.last.resolve(seated(), 'answer');
    await settle();
    expect([rig.plans, rig.outcomes]).toEqual([[sfu], ['answer']]);
  });

  it('has no use for the plan of a seat that was given up, while it is joined again', async () => {
    await rig.inCall({ callType: 'SFU', mediaPlan: sfu });
    void rig.calls.hangUp();
    rig.prepared.set('call-1', rig.link(undefined));
    void rig.calls.join('call-1', 'Pump 7', true);
    await settle();
    const before = rig.plans.length;
    // Said before the server has heard of either.
    rig.frame({ type: 'call', call: seated() });
    expect(rig.plans).toHaveLength(before);
    const again = { ...sfu, epoch: 2 };
    rig.last.resolve(seated({ mediaPlan: again, version: 4 }));
    await settle();
    expect(rig.plans.slice(before)).toEqual([again]);
    rig.frame({ type: 'call', call: seated({ mediaPlan: again, version: 5 }) });
    expect(rig.plans).toHaveLength(before + 2);
  });

  it('takes no answer for the connection of a plan that is out of date by then', async () => {
    rig.frame({ type: 'call', call: invited() });
    void rig.calls.join('call-1', 'Pump 7', true);
    await settle();
    rig.frame({ type: 'call', call: seated({ mediaPlan: { ...sfu, epoch: 2 }, version: 3 }) });
    rig.last.resolve(seated(), 'answer');
    await settle();
    expect([rig.plans, rig.outcomes]).toEqual([[{ ...sfu, epoch: 2 }], [undefined]]);
  });

  it('whose join brings no answer is offered a connection as always', async () => {
    rig.frame({ type: 'call', call: invited() });
    void rig.calls.join('call-1', 'Pump 7', true);
    await settle();
    rig.last.resolve(seated());
    await settle();
    expect(rig.outcomes).toEqual([undefined]);
  });

  it('that is prepared, but was not answered, is joined with the offer of what is prepared', async () => {
    rig.frame({ type: 'call', call: invited() });
    rig.prepared.set('call-1', rig.link(OFFER));
    void rig.calls.accept(ring({ callType: 'SFU' }), true);
    await settle();
    expect(rig.last.frame).toEqual({ type: 'join', callId: 'call-1', prepared: true, offer: OFFER });
    expect(rig.offerings).toEqual([]);
  });

  it('and hung up before the offer is made is not joined', async () => {
    rig.frame({ type: 'call', call: invited() });
    void rig.calls.join('call-1', 'Pump 7', true);
    void rig.calls.hangUp();
    await settle();
    expect(rig.asked.map(({ frame }) => frame.type)).toEqual(['leave']);
    expect([rig.calls.stage.name, rig.calls.notice]).toEqual(['none', undefined]);
  });

  it('is joined with an offer again after the page was loaded anew', async () => {
    rig.frame({ type: 'call', call: invited() });
    void rig.calls.join('call-1', 'Pump 7', true);
    await settle();
    rig.last.resolve(seated(), 'answer');
    await settle();
    const remembered = rig.remembered;
    rig = new Rig();
    rig.remembered = remembered;
    rig.calls.restore();
    // The devices are switched on before anything is known of the call.
    rig.calls.remember({ microphone: true, camera: true });
    rig.welcome(false);
    await settle();
    expect(rig.last.frame).toEqual({ type: 'join', callId: 'call-1', rejoin: 0, offer: OFFER });
    expect(rig.brought).toHaveLength(1);
    rig.last.resolve(seated({ mediaPlan: { ...sfu, epoch: 2 } }), 'answer');
    await settle();
    // It is on its way: whoever looked after it would find nothing flowing, and restart it.
    expect([rig.outcomes, rig.checked, rig.announced]).toEqual([['answer'], 0, 1]);
  });

  it('whose connection broke gets another with the rejoin, by the relays of the former', async () => {
    const iceServers = [{ urls: ['turns:calls.example.com:443?transport=tcp'], username: 'a', credential: 'b' }];
    await rig.inCall({ callType: 'SFU', mediaPlan: { ...sfu, iceServers } });
    rig.calls.mediaBroken();
    await settle();
    expect(rig.last.frame).toEqual({ type: 'join', callId: 'call-1', rejoin: 0, offer: OFFER });
    expect(rig.offerings).toEqual([{ people: 1, relays: iceServers }]);
    rig.last.reject('connection_lost');
    await settle();
    expect(rig.givenUp).toBe(1);
  });

  it('whose rejoin is void by the time it is granted gives up the connection that was made for it', async () => {
    await rig.inCall({ callType: 'SFU', mediaPlan: sfu });
    rig.calls.mediaBroken();
    await settle();
    const first = rig.last;
    // A new session: this one asks again, with what lives.
    rig.media.liveEpoch = 1;
    rig.welcome(false);
    await settle();
    first.resolve(seated({ mediaPlan: { ...sfu, epoch: 2 } }), 'answer');
    await settle();
    expect([rig.givenUp, rig.outcomes]).toEqual([1, []]);
  });

  it('says nothing of another call that this page does not know yet', async () => {
    rig.frame({ type: 'call', call: invited() });
    void rig.calls.join('call-1', 'Pump 7', true);
    await settle();
    rig.last.resolve(seated(), 'answer');
    await settle();
    const made = rig.offerings.length;
    void rig.calls.join('call-2', 'Pump 8', true);
    await settle();
    expect(rig.asked.find(({ frame }) => frame.type === 'join' && frame.callId === 'call-2')?.frame).toEqual({
      type: 'join',
      callId: 'call-2',
    });
    expect(rig.offerings).toHaveLength(made);
  });

  it('whose connection lives is rejoined without an offer', async () => {
    await rig.inCall({ callType: 'SFU', mediaPlan: sfu });
    rig.media.liveEpoch = 1;
    rig.welcome(false);
    await settle();
    expect(rig.last.frame).toEqual({ type: 'join', callId: 'call-1', rejoin: 1 });
  });
});
