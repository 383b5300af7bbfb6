import { randomUUID } from 'node:crypto';
import { EventEmitter, once } from 'node:events';
import { WebSocket } from 'ws';
import { Api } from './api.ts';

interface Frame {
  type: string;
  id?: number;
  code?: string;
  ring?: { callId: string };
}

/** Somebody with a device that rings and answers, and has neither camera nor screen. */
export class Party {
  private readonly heard: Frame[] = [];
  private readonly news = new EventEmitter();
  private lastId = 0;

  private constructor(private readonly socket: WebSocket) {
    socket.on('message', (data) => {
      this.heard.push(JSON.parse(data.toString()) as Frame);
      this.news.emit('frame');
    });
  }

  static async connect(base: string, userId: string): Promise<Party> {
    const { token } = await Api.login(base, userId);
    const socket = new WebSocket(`${base.replace('http', 'ws')}/rtc/ws`);
    const party = new Party(socket);
    await once(socket, 'open');
    socket.send(JSON.stringify({ type: 'hello', protocol: 1, deviceId: randomUUID(), accessToken: token }));
    await party.hears((frame) => frame.type === 'welcome');
    return party;
  }

  /** Waits for a call, and hands back its id. */
  async rung(): Promise<string> {
    const { ring } = await this.hears((frame) => frame.type === 'ring');
    return ring?.callId ?? '';
  }

  get hasRung(): boolean {
    return this.heard.some((frame) => frame.type === 'ring');
  }

  async join(callId: string): Promise<void> {
    await this.ask('join', callId);
  }

  async leave(callId: string): Promise<void> {
    await this.ask('leave', callId);
  }

  close(): void {
    this.socket.close();
  }

  private async ask(type: string, callId: string): Promise<void> {
    const id = ++this.lastId;
    this.socket.send(JSON.stringify({ type, id, callId }));
    const answer = await this.hears((frame) => frame.id === id && (frame.type === 'ok' || frame.type === 'error'));
    if (answer.type === 'error') throw new Error(`${type}: ${answer.code}`);
  }

  private async hears(wanted: (frame: Frame) => boolean): Promise<Frame> {
    for (;;) {
      const found = this.heard.find(wanted);
      if (found) return found;
      await once(this.news, 'frame');
    }
  }
}
