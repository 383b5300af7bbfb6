// The smallest room server around mediasoup, for `cargo xtask bench sfu`: JSON over a WebSocket, each request answered in turn.
// node mediasoup.mjs <ip> <port of the WebSocket> <port of media>
import * as mediasoup from 'mediasoup';
import { WebSocketServer } from 'ws';

const [, , ip, port, mediaPort] = process.argv;
const opus = { kind: 'audio', mimeType: 'audio/opus', clockRate: 48000, channels: 2, preferredPayloadType: 111 };
const feedback = [{ type: 'nack' }, { type: 'nack', parameter: 'pli' }, { type: 'transport-cc' }];
const vp8 = { kind: 'video', mimeType: 'video/VP8', clockRate: 90000, preferredPayloadType: 96, rtcpFeedback: feedback };
const extensions = {
  1: 'urn:ietf:params:rtp-hdrext:sdes:mid',
  4: 'http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time',
  5: 'http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01',
  10: 'urn:ietf:params:rtp-hdrext:ssrc-audio-level',
};

const worker = await mediasoup.createWorker({ logLevel: 'warn', workerBin: process.env.MEDIASOUP_WORKER_BIN });
worker.on('died', (error) => {
  console.error('the worker has died', error);
  process.exit(1);
});
const webRtcServer = await worker.createWebRtcServer({ listenInfos: [{ protocol: 'udp', ip, port: Number(mediaPort) }] });
const rooms = new Map();

async function room(number) {
  if (!rooms.has(number)) {
    const router = await worker.createRouter({ mediaCodecs: [opus, vp8] });
    rooms.set(number, { router, producers: [], consumers: new Map() });
  }
  return rooms.get(number);
}

async function connect({ router }, fingerprint) {
  // Enough for all that is to be sent, so that what is compared is forwarding and not who finds a bandwidth first.
  const transport = await router.createWebRtcTransport({ webRtcServer, initialAvailableOutgoingBitrate: 10_000_000 });
  // The other end's certificate, and that it begins.
  await transport.connect({ dtlsParameters: { role: 'client', fingerprints: [{ algorithm: 'sha-256', value: fingerprint }] } });
  const own = transport.dtlsParameters.fingerprints.find(({ algorithm }) => algorithm === 'sha-256');
  return { transport, told: { ice: transport.iceParameters, fingerprint: own.value } };
}

function rtpParameters({ kind, encodings }) {
  const header = (id) => ({ id, uri: extensions[id] });
  const common = { mid: kind === 'audio' ? 'a' : 'v', encodings, rtcp: { cname: 'bench' } };
  if (kind === 'audio') {
    const codec = { mimeType: opus.mimeType, payloadType: 111, clockRate: 48000, channels: 2 };
    return { ...common, codecs: [codec], headerExtensions: [1, 4, 10].map(header) };
  }
  const codec = { mimeType: vp8.mimeType, payloadType: 96, clockRate: 90000, rtcpFeedback: feedback };
  const rtx = { mimeType: 'video/rtx', payloadType: 97, clockRate: 90000, parameters: { apt: 96 } };
  return { ...common, codecs: [codec, rtx], headerExtensions: [1, 4, 5].map(header) };
}

const operations = {
  async publish({ room: number, person, fingerprint, streams }) {
    const here = await room(number);
    const { transport, told } = await connect(here, fingerprint);
    for (const stream of streams) {
      const producer = await transport.produce({ kind: stream.kind, rtpParameters: rtpParameters(stream) });
      here.producers.push({ person, producer });
    }
    return told;
  },

  async subscribe({ room: number, person, fingerprint, layer }) {
    const here = await room(number);
    const { transport, told } = await connect(here, fingerprint);
    const consumers = [];
    for (const { producer } of here.producers.filter((other) => other.person !== person)) {
      const rtpCapabilities = here.router.rtpCapabilities;
      const consumer = await transport.consume({ producerId: producer.id, rtpCapabilities, paused: true });
      if (consumer.type === 'simulcast') await consumer.setPreferredLayers({ spatialLayer: layer });
      consumers.push(consumer);
    }
    here.consumers.set(person, consumers);
    const streams = consumers.map(({ kind, rtpParameters: { encodings: [first] } }) => ({ kind, ssrc: first.ssrc, rtx: first.rtx?.ssrc }));
    return { ...told, streams };
  },

  async resume({ room: number, person }) {
    const here = await room(number);
    for (const consumer of here.consumers.get(person)) await consumer.resume();
    return {};
  },
};

new WebSocketServer({ host: ip, port: Number(port) }).on('connection', (socket) => {
  socket.on('message', async (message) => {
    const request = JSON.parse(message);
    const answer = await operations[request.op](request).catch((error) => ({ error: String(error) }));
    socket.send(JSON.stringify(answer));
  });
}).on('listening', () => console.log('ready'));
