/** What this end reads into the server's answer. Nothing of it is the server's matter: it takes all that it has agreed to. */

export interface Reading {
  /** Each sound is sent once more with the next (RFC 2198). */
  repeats: boolean;
  /** Of the camera's line; a value that has changed makes libwebrtc find out whether the link carries more. In kbit/s. */
  camera?: { mid: string | null; most: number } | undefined;
}

export function read(answer: string, { repeats, camera }: Reading): string {
  const sections = answer.split(/^(?=m=)/m).map((section) => {
    // What this end sends, the server receives.
    if (!/^a=recvonly\r?$/m.test(section)) return section;
    if (section.startsWith('m=audio ')) return preferring(section, repeats);
    const isCamera = camera && section.includes(`a=mid:${camera.mid}\r\n`);
    return isCamera ? limited(section, camera.most) : section;
  });
  return sections.join('');
}

/** Browsers send with redundancy where that stands before the codec itself. */
function preferring(section: string, repeats: boolean): string {
  const red = /^a=rtpmap:(\d+) red\/48000/m.exec(section)?.[1];
  if (!red) return section;
  return section.replace(/^(m=audio \S+ \S+) (.*?)(\r?)$/m, (_, head: string, list: string, end: string) => {
    const others = list.split(' ').filter((type) => type !== red);
    return [head, ...(repeats ? [red, ...others] : [...others, red])].join(' ') + end;
  });
}

function limited(section: string, kbit: number): string {
  const [line, ...rest] = section.split('\r\n').filter((line) => !line.startsWith('b='));
  // Its place is after the address (RFC 8866, section 5).
  const place = rest.findIndex((line) => !line.startsWith('i=') && !line.startsWith('c='));
  rest.splice(place, 0, `b=AS:${kbit}`);
  return [line, ...rest].join('\r\n');
}
