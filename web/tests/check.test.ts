import { describe, expect, it } from 'vitest';
import type { Acquired } from '../src/call/devices';
import { Check, type CheckEnvironment } from '../src/check/check.svelte';
import { portsOf, portsOfRelays, throughput } from '../src/check/network';
import { advise, decode, encode, type PathResult, type Report } from '../src/check/report';
import { track } from './fakes';

const works: PathResult = { outcome: 'ok', rttMs: 12, ports: [443], kind: 'prflx IPv4' };
const blocked: PathResult = { outcome: 'failed', ports: [443] };
const good: Report = {
  at: '2026-11-22T10:00:00.000Z',
  host: 'calls.example.com',
  camera: 'ok',
  microphone: 'failed',
  webSocket: { outcome: 'ok', ms: 20 },
  udp: works,
  tcp: works,
  down: 50_000,
  up: 10_000,
};

describe('the advice', () => {
  it.each<[string, Partial<Report>, string[]]>([
    ['all is well', {}, ['check-advice-good']],
    ['UDP is blocked', { udp: blocked }, ['check-advice-udp']],
    ['TCP is blocked', { tcp: blocked }, ['check-advice-tcp']],
    ['both are', { udp: blocked, tcp: blocked }, ['check-advice-media']],
    ['a proxy knows no WebSockets', { webSocket: { outcome: 'failed' } }, ['check-advice-websocket']],
    ['the link is slow', { up: 200 }, ['check-advice-slow']],
    ['the relay is blocked', { tls: blocked }, ['check-advice-tls']],
    ['there is nothing but the relay', { udp: blocked, tcp: blocked, tls: works }, ['check-advice-tls-only']],
    ['there is nothing at all', { udp: blocked, tcp: blocked, tls: blocked }, ['check-advice-media']],
    ['several things at once', { udp: blocked, down: 100 }, ['check-advice-udp', 'check-advice-slow']],
  ])('where %s', (_, change, ids) => {
    expect(advise({ ...good, ...change }).map(({ id }) => id)).toEqual(ids);
  });

  it('names what is to be opened', () => {
    expect(advise({ ...good, udp: blocked })[0]?.args).toEqual({
      host: 'calls.example.com',
      udp: '443',
      tcp: '443',
      tls: '',
    });
  });
});

describe('a report in a link', () => {
  it('comes back as it was', () => {
    expect(decode(encode(good))).toEqual(good);
    const within = { ...good, tls: { ...works, kind: 'relay IPv4' } };
    expect(decode(encode(within))).toEqual(within);
    const little = { at: good.at, host: 'münchen.example' };
    expect(decode(encode(little))).toEqual(little);
    expect(encode(good)).toMatch(/^[\w-]+$/);
  });

  it.each(['', 'nothing', encode({} as Report), 'x'.repeat(5_000), encode({ ...good, at: 'soon' })])(
    'that is none is not shown: %s',
    (text) => expect(decode(text)).toBeUndefined(),
  );

  it('brings nothing in that is not expected', () => {
    const odd = { ...good, extra: 1, udp: { outcome: 'ok', ports: ['<b>', 443], kind: 'x'.repeat(99) }, down: -1 };
    const read = decode(encode(odd as unknown as Report));
    expect(read).not.toHaveProperty('extra');
    expect(read).not.toHaveProperty('down');
    expect(read?.udp).toEqual({ outcome: 'ok', ports: [443], kind: 'x'.repeat(20) });
  });
});

describe('a test', () => {
  const env = (over: Partial<CheckEnvironment> = {}): CheckEnvironment => ({
    host: good.host,
    now: () => Date.parse(good.at),
    acquire: async (): Promise<Acquired> => ({
      audio: null,
      video: track('video'),
      troubles: [{ device: 'microphone', why: 'missing' }],
    }),
    webSocket: async () => 19.6,
    path: async (path) => (path === 'tls' ? undefined : works),
    download: async () => 50_000,
    upload: async () => 10_000,
    ...over,
  });

  it('tries everything and keeps what it found', async () => {
    const check = new Check(env());
    await check.run();
    expect([check.report, check.done, check.running]).toEqual([good, true, undefined]);
    expect(check.troubles).toEqual({ microphone: 'missing' });
    const { camera } = check;
    check.stop();
    expect((camera as unknown as { stopped: boolean }).stopped).toBe(true);
  });

  it('that is left while the browser asks for the devices switches nothing on', async () => {
    let allow = (_: Acquired) => {};
    const paths: string[] = [];
    const path = async (name: string) => {
      paths.push(name);
      return works;
    };
    const check = new Check(env({ acquire: () => new Promise((resolve) => (allow = resolve)), path }));
    const run = check.run();
    check.stop();
    const [audio, video] = [track('audio'), track('video')];
    allow({ audio, video, troubles: [] });
    await run;
    for (const one of [audio, video]) expect((one as unknown as { stopped: boolean }).stopped).toBe(true);
    expect([check.camera, check.microphone, paths]).toEqual([null, null, []]);
  });

  it('of somebody who is logged in tries the relay as well', async () => {
    const check = new Check(env({ path: async () => works }));
    await check.run();
    expect(check.report?.tls).toEqual(works);
  });

  it('goes on when something fails', async () => {
    const fail = () => Promise.reject(new Error('no'));
    const check = new Check(env({ webSocket: fail, path: async () => blocked, download: fail }));
    await check.run();
    expect(check.report).toMatchObject({ webSocket: { outcome: 'failed' }, udp: blocked, down: 0, up: 10_000 });
  });
});

describe('throughput', () => {
  it('is measured with more and more until it takes long enough', async () => {
    let at = 0;
    const sent: number[] = [];
    // 8,000 bytes a millisecond would be 64 Mbit/s.
    const rate = await throughput(
      async (count) => {
        sent.push(count / 1024);
        at += count / 1_000;
        return count;
      },
      () => at,
    );
    expect([rate, sent]).toEqual([8_000, [64, 256, 1024]]);
  });

  it('is what was measured before something broke', async () => {
    let at = 0;
    const broken = async (count: number) => {
      if (count > 100_000) throw new Error('cut');
      at += 100;
      return 50_000;
    };
    expect(await throughput(broken, () => at)).toBe(4_000);
    await expect(throughput(() => Promise.reject(new Error('cut')))).rejects.toThrow();
  });
});

it('the ports to open are those of the candidates, each once', () => {
  const line = (port: number) => `a=candidate:1 1 UDP 2130706431 192.0.2.1 ${port} typ host\r\n`;
  expect(portsOf(`v=0\r\n${line(443)}${line(443)}${line(8443)}`)).toEqual([443, 8443]);
});

it('the port of a relay is that of its address', () => {
  const urls = ['turns:calls.example.com:443?transport=tcp', 'turns:calls.example.com:443?transport=tcp'];
  expect(portsOfRelays([{ urls }, { urls: 'turns:[2001:db8::1]:8443' }])).toEqual([443, 8443]);
});
