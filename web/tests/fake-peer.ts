import { FakeTrack } from './fakes';

interface FakeTransceiver {
  mid: string | null;
  sender: FakeSender;
  receiver: { track: FakeTrack };
  direction: string;
  sendEncodings?: RTCRtpEncodingParameters[];
}

class FakeSender {
  transport: { iceTransport: { onselectedcandidatepairchange: (() => void) | null } } | null = null;
  track: unknown = null;
  parameters: { encodings: RTCRtpEncodingParameters[] } = { encodings: [] };

  /** What getStats answers. */
  stats = new Map<string, object>();
  lookups = 0;

  async getStats() {
    this.lookups += 1;
    return this.stats;
  }

  getParameters() {
    return structuredClone(this.parameters);
  }

  async setParameters(parameters: { encodings: RTCRtpEncodingParameters[] }): Promise<void> {
    this.parameters = parameters;
  }

  async replaceTrack(next: unknown): Promise<void> {
    this.track = next;
  }
}

export class FakeChannel {
  readyState = 'connecting';
  bufferedAmount = 0;
  said: string[] = [];
  /** What is said comes back at once. */
  echoes = true;
  onopen: (() => void) | null = null;
  onmessage: (() => void) | null = null;
  onclose: (() => void) | null = null;

  constructor(
    readonly label: string,
    readonly manner: RTCDataChannelInit | undefined,
  ) {}

  send(text: string): void {
    this.said.push(text);
    if (this.echoes) this.onmessage?.();
  }

  open(): void {
    this.readyState = 'open';
    this.onopen?.();
  }
}

/** As much of an RTCPeerConnection as the order of things needs. */
export class FakePeer {
  signalingState = 'stable';
  connectionState = 'new';
  iceConnectionState = 'new';
  localDescription: { type: string; sdp: string } | null = null;
  remoteDescription: { type: string; sdp: string } | null = null;
  transceivers: FakeTransceiver[] = [];
  channels: FakeChannel[] = [];
  candidates: string[] = [];
  iceRestarts = 0;
  offers = 0;
  closed = false;
  /** What getStats answers. */
  stats = new Map<string, object>();
  lookups = 0;
  onicecandidate: ((event: { candidate: unknown }) => void) | null = null;
  ontrack: ((event: { track: FakeTrack }) => void) | null = null;
  onconnectionstatechange: (() => void) | null = null;
  oniceconnectionstatechange: (() => void) | null = null;

  addTransceiver(kind: 'audio' | 'video', init: { direction: string; sendEncodings?: RTCRtpEncodingParameters[] }) {
    const transceiver = {
      mid: null as string | null,
      sender: new FakeSender(),
      receiver: { track: new FakeTrack(kind) },
      ...init,
    };
    transceiver.sender.parameters.encodings = init.sendEncodings ?? [];
    this.transceivers.push(transceiver);
    return transceiver;
  }

  getTransceivers() {
    return this.transceivers;
  }

  async setLocalDescription(): Promise<void> {
    await Promise.resolve();
    this.transceivers.forEach((line, index) => {
      line.mid = String(index);
    });
    const answer = this.signalingState === 'have-remote-offer';
    this.localDescription = {
      type: answer ? 'answer' : 'offer',
      sdp: answer ? 'my-answer' : `my-offer-${++this.offers}`,
    };
    this.signalingState = answer ? 'stable' : 'have-local-offer';
  }

  async setRemoteDescription(description: { type: string; sdp: string }): Promise<void> {
    await Promise.resolve();
    this.remoteDescription = description;
    this.signalingState = description.type === 'offer' ? 'have-remote-offer' : 'stable';
    if (this.transceivers.length === 0)
      for (const kind of offered(description.sdp)) this.addTransceiver(kind, { direction: 'recvonly' });
  }

  async addIceCandidate(candidate: { candidate: string }): Promise<void> {
    if (!this.remoteDescription) throw new Error('too early');
    this.candidates.push(candidate.candidate);
  }

  createDataChannel(label: string, manner?: RTCDataChannelInit): FakeChannel {
    const channel = new FakeChannel(label, manner);
    this.channels.push(channel);
    return channel;
  }

  configuration: RTCConfiguration = {};

  getConfiguration(): RTCConfiguration {
    return this.configuration;
  }

  setConfiguration(configuration: RTCConfiguration): void {
    this.configuration = configuration;
  }

  restartIce(): void {
    this.iceRestarts += 1;
  }

  async getStats() {
    this.lookups += 1;
    return this.stats;
  }

  close(): void {
    this.closed = true;
    this.signalingState = 'closed';
  }

  become(connection: string, ice: string): void {
    this.connectionState = connection;
    this.iceConnectionState = ice;
    this.oniceconnectionstatechange?.();
  }
}

/** An offer whose text says so has lines for a screen as well. */
function offered(sdp: string): ('audio' | 'video')[] {
  return sdp.includes('screen') ? ['audio', 'video', 'audio', 'video'] : ['audio', 'video'];
}
