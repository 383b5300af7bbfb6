/** What runs in the pages of `badnet`: a camera that shows the time, a way through a bad link, and what is noted of pictures. */

/** A picture that was shown: when, and when it was taken if the camera's clock is read. Milliseconds since 1970. */
export interface Shown {
  at: number;
  taken?: number;
}

/** What has come to a page in all, of all its connections that live. */
export interface Came {
  at: number;
  frames: number;
  freezeMs: number;
  /** Pictures and sound with what surrounds them on the link, without padding. */
  bytes: number;
  pictureBytes: number;
  samples: number;
  concealed: number;
}

declare global {
  interface Window {
    /** The port of the link to the other end, if there is one. */
    way: number | undefined;
    readClock: boolean;
    shown: Shown[];
    came: () => Promise<Came>;
    /** Another look twice a second, until the page is told to forget. */
    looks: Came[];
    keepLooking: () => void;
    connections: RTCPeerConnection[];
  }
}

/** Runs in the page before anything else: 640×360, 30 times a second, with its time written into it, and a tone that swells. */
export function bringCamera(): void {
  const [width, height, blocks] = [640, 360, 20];
  const size = width / blocks;
  let made: MediaStream | undefined;
  const backdrop = (): HTMLCanvasElement => {
    const canvas = Object.assign(document.createElement('canvas'), { width: width * 2, height: height * 2 });
    const pen = canvas.getContext('2d') as CanvasRenderingContext2D;
    let seed = 1;
    const chance = (end: number) => (seed = (seed * 48_271) % 2_147_483_647) % end;
    for (let spot = 0; spot < 4_000; spot += 1) {
      pen.fillStyle = `hsl(${chance(360)} ${chance(60)}% ${chance(100)}%)`;
      pen.fillRect(chance(width * 2), chance(height * 2), 4 + chance(60), 4 + chance(60));
    }
    return canvas;
  };
  const film = (): MediaStreamTrack => {
    const canvas = Object.assign(document.createElement('canvas'), { width, height });
    const pen = canvas.getContext('2d', { alpha: false }) as CanvasRenderingContext2D;
    const scene = backdrop();
    const draw = () => {
      const now = performance.timeOrigin + performance.now();
      const turn = now / 3_000;
      pen.drawImage(scene, -width / 2 + (Math.sin(turn) * width) / 2, -height / 2 + (Math.cos(turn * 1.3) * height) / 2);
      const time = Math.round(now) % 65_536;
      const check = (time + (time >> 4) + (time >> 8) + (time >> 12)) % 16;
      for (let block = 0; block < blocks; block += 1) {
        const bit = block < 16 ? (time >> block) & 1 : (check >> (block - 16)) & 1;
        pen.fillStyle = bit ? '#fff' : '#000';
        pen.fillRect(block * size, 0, size, size);
      }
    };
    draw();
    setInterval(draw, 1000 / 30);
    return canvas.captureStream(30).getVideoTracks()[0] as MediaStreamTrack;
  };
  const sound = (): MediaStreamTrack => {
    const context = new AudioContext();
    const [tone, swell, depth] = [context.createOscillator(), context.createOscillator(), context.createGain()];
    const loudness = context.createGain();
    const target = context.createMediaStreamDestination();
    [tone.frequency.value, swell.frequency.value, depth.gain.value, loudness.gain.value] = [440, 3, 0.15, 0.3];
    swell.connect(depth).connect(loudness.gain);
    tone.connect(loudness).connect(target);
    for (const source of [tone, swell]) source.start();
    return target.stream.getAudioTracks()[0] as MediaStreamTrack;
  };
  navigator.mediaDevices.getUserMedia = async (wanted) => {
    made ??= new MediaStream([film(), sound()]);
    const tracks = made.getTracks().filter(({ kind }) => wanted?.[kind as 'audio' | 'video']);
    return new MediaStream(tracks.map((track) => track.clone()));
  };
}

/** Runs in the page before anything else: what it sends to the SFU goes through the link, and nothing goes another way. */
export function leadAstray(): void {
  const { prototype } = RTCPeerConnection;
  const describe: (this: RTCPeerConnection, to: RTCSessionDescriptionInit) => Promise<void> = prototype.setRemoteDescription;
  prototype.setRemoteDescription = function (this: RTCPeerConnection, to: RTCSessionDescriptionInit) {
    const { type, sdp = '' } = to;
    if (!window.way || !sdp.includes('a=ice-lite')) return describe.call(this, to);
    const udp = sdp.replace(/^a=candidate:\S+ 1 tcp .*\r\n/gm, '');
    return describe.call(this, { type, sdp: udp.replace(/ 127\.0\.0\.1 \d+ typ host/g, ` 127.0.0.1 ${window.way} typ host`) });
  };
  const configure = prototype.setConfiguration;
  prototype.setConfiguration = function (this: RTCPeerConnection, wanted) {
    configure.call(this, window.way ? { ...wanted, iceServers: [] } : wanted);
  };
  window.connections = [];
  window.RTCPeerConnection = new Proxy(window.RTCPeerConnection, {
    construct(original, [configuration], target) {
      const iceServers = window.way ? [] : configuration?.iceServers;
      const made = Reflect.construct(original, [{ ...configuration, iceServers }], target) as RTCPeerConnection;
      window.connections.push(made);
      return made;
    },
  });
}

/** Runs in the page before anything else: notes each picture of the other end that is shown. */
export function noteShown(): void {
  const blocks = 20;
  const pen = Object.assign(document.createElement('canvas'), { width: blocks, height: 1 }).getContext('2d', {
    willReadFrequently: true,
  }) as CanvasRenderingContext2D;
  window.shown = [];
  const taken = (video: HTMLVideoElement, at: number): number | undefined => {
    const { videoWidth: width } = video;
    const size = width / blocks;
    pen.drawImage(video, 0, size / 4, width, size / 2, 0, 0, blocks, 1);
    const { data } = pen.getImageData(0, 0, blocks, 1);
    let bits = 0;
    for (let block = 0; block < blocks; block += 1) bits |= ((data[block * 4] ?? 0) > 127 ? 1 : 0) << block;
    const [time, check] = [bits & 0xffff, bits >> 16];
    if ((time + (time >> 4) + (time >> 8) + (time >> 12)) % 16 !== check) return undefined;
    const ago = (Math.round(at) - time) % 65_536;
    return ago < 10_000 ? at - ago : undefined;
  };
  const watched = new WeakSet<HTMLVideoElement>();
  const watch = (): void => {
    for (const video of document.querySelectorAll<HTMLVideoElement>('video[data-testid=remote-video]')) {
      if (watched.has(video)) continue;
      watched.add(video);
      const next = (_: number, { presentationTime }: VideoFrameCallbackMetadata): void => {
        const at = performance.timeOrigin + presentationTime;
        window.shown.push(window.readClock ? { at, taken: taken(video, at) } : { at });
        video.requestVideoFrameCallback(next);
      };
      video.requestVideoFrameCallback(next);
    }
  };
  new MutationObserver(watch).observe(document, { childList: true, subtree: true });
}

/** Runs in the page before anything else. */
export function countWhatComes(): void {
  /** IP, UDP and what SRTP adds. */
  const around = 28 + 16;
  window.came = async () => {
    const all: Came = { at: Date.now(), frames: 0, freezeMs: 0, bytes: 0, pictureBytes: 0, samples: 0, concealed: 0 };
    for (const connection of window.connections) {
      if (connection.connectionState === 'closed') continue;
      for (const stat of (await connection.getStats()).values()) {
        if (stat.type !== 'inbound-rtp' || !stat.packetsReceived) continue;
        const { bytesReceived = 0, headerBytesReceived = 0, packetsReceived = 0 } = stat;
        const bytes = bytesReceived + headerBytesReceived + packetsReceived * around;
        all.bytes += bytes;
        if (stat.kind === 'video') {
          all.pictureBytes += bytes;
          all.frames += stat.framesDecoded ?? 0;
          all.freezeMs += (stat.totalFreezesDuration ?? 0) * 1000;
        } else {
          all.samples += stat.totalSamplesReceived ?? 0;
          all.concealed += (stat.concealedSamples ?? 0) - (stat.silentConcealedSamples ?? 0);
        }
      }
    }
    return all;
  };
  let looking: ReturnType<typeof setInterval> | undefined;
  window.looks = [];
  window.keepLooking = () => {
    clearInterval(looking);
    window.looks = [];
    looking = setInterval(async () => window.looks.push(await window.came()), 500);
  };
}
