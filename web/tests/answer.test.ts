import { describe, expect, it } from 'vitest';
import { read } from '../src/call/answer';

const ANSWER = [
  'v=0',
  's=-',
  'm=audio 9 UDP/TLS/RTP/SAVPF 63 111',
  'c=IN IP4 0.0.0.0',
  'a=mid:0',
  'a=recvonly',
  'a=rtpmap:63 red/48000/2',
  'a=rtpmap:111 opus/48000/2',
  'm=video 9 UDP/TLS/RTP/SAVPF 96',
  'c=IN IP4 0.0.0.0',
  'a=mid:1',
  'a=recvonly',
  'm=audio 9 UDP/TLS/RTP/SAVPF 63 111',
  'c=IN IP4 0.0.0.0',
  'a=mid:2',
  'a=sendonly',
  'a=rtpmap:63 red/48000/2',
  'm=video 9 UDP/TLS/RTP/SAVPF 96',
  'c=IN IP4 0.0.0.0',
  'a=mid:11',
  'a=recvonly',
  '',
].join('\r\n');

describe('the answer', () => {
  it('has sound without redundancy first, or with it, where this end sends', () => {
    const plain = read(ANSWER, { repeats: false });
    expect(plain).toBe(ANSWER.replace('SAVPF 63 111', 'SAVPF 111 63'));
    expect(read(plain, { repeats: true })).toBe(ANSWER);
  });

  it('has redundancy of the codec’s own rate, and of the lines that take sound', () => {
    const narrow = ANSWER.replace('a=rtpmap:63 red', 'a=rtpmap:121 red/8000\r\na=rtpmap:63 red');
    expect(read(narrow, { repeats: false })).toBe(narrow.replace('SAVPF 63 111', 'SAVPF 111 63'));
    const refused = ANSWER.replaceAll('recvonly', 'inactive').replaceAll(' 9 ', ' 0 ');
    expect(read(refused, { repeats: false, camera: { mid: '1', most: 10_000 } })).toBe(refused);
  });

  it('stays as it is where redundancy is not known', () => {
    const answer = ANSWER.replaceAll('red/48000/2', 'telephone-event/8000');
    expect(read(answer, { repeats: true })).toBe(answer);
  });

  it('has a limit for the camera alone, and one only', () => {
    const limited = (most: number, answer: string) => read(answer, { repeats: true, camera: { mid: '1', most } });
    const expected = (most: number) => ANSWER.replace('a=mid:1\r\n', `b=AS:${most}\r\na=mid:1\r\n`);
    expect(limited(10_000, ANSWER)).toBe(expected(10_000));
    expect(limited(10_001, expected(10_000))).toBe(expected(10_001));
    const titled = ANSWER.replaceAll('96\r\n', '96\r\ni=Camera\r\n');
    expect(limited(10_000, titled)).toBe(titled.replace('a=mid:1\r\n', 'b=AS:10000\r\na=mid:1\r\n'));
  });
});
