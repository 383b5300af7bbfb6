/** When things happened in a page, in milliseconds since 1970 by the machine's steady clock. */
export interface Marks {
  clicked?: number;
  /** Microphone and camera are open. */
  open?: number;
  picture?: number;
}

declare global {
  interface Window {
    marks: Marks;
    /** Forgets what happened, and waits for the first picture of the other end again. */
    arm: () => void;
    /** What asks the SFU for a connection while it rings gets lost. */
    unprepared: boolean;
  }
}

/** Runs in the page before anything else. The answering click and the first picture after `arm` are noted. */
export function noteMarks(): void {
  window.marks = {};
  let watched = new WeakSet<HTMLVideoElement>();
  const watch = (): void => {
    for (const video of document.querySelectorAll<HTMLVideoElement>('video[data-testid=remote-video]')) {
      if (watched.has(video)) continue;
      watched.add(video);
      const { marks } = window;
      video.requestVideoFrameCallback(() => (marks.picture ??= performance.timeOrigin + performance.now()));
    }
  };
  window.arm = () => {
    window.marks = {};
    watched = new WeakSet();
    watch();
  };
  new MutationObserver(watch).observe(document, { childList: true, subtree: true });
  const clicked = (event: Event): void => {
    const button = event.target instanceof Element && event.target.closest('[role=alertdialog] button');
    if (button) window.marks.clicked ??= performance.timeOrigin + event.timeStamp;
  };
  document.addEventListener('click', clicked, { capture: true });
}

/** Runs in the page before anything else: a picture of 640×360, 30 times a second, on both sides of the comparison. */
export function capture360p(): void {
  const devices = navigator.mediaDevices;
  const open = devices.getUserMedia.bind(devices);
  devices.getUserMedia = async (wanted) => {
    const size = { width: 640, height: 360, frameRate: 30 };
    const video = wanted?.video && (typeof wanted.video === 'object' ? { ...wanted.video, ...size } : size);
    const stream = await open({ ...wanted, video });
    window.marks.open ??= performance.timeOrigin + performance.now();
    return stream;
  };
}

/** Runs in the page before anything else. */
export function preparingCanFail(): void {
  const { prototype } = WebSocket;
  const send: (this: WebSocket, text: string) => void = prototype.send;
  prototype.send = function (this: WebSocket, text: string) {
    const frame = JSON.parse(text) as { type: string; epoch?: number };
    if (!window.unprepared || frame.type !== 'mediaOffer' || frame.epoch !== 0) send.call(this, text);
  };
}
