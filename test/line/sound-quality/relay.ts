import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import type { MediaSession, MediaStatistics } from '#media/session.ts';
import { randomOf } from '../../support/line-speech.ts';
import type { SentPacket } from './memory-session.ts';

export interface Impairment {
  /** Share of packets that are lost, either way. */
  readonly loss: number;
  /** Each packet is late by so much at random, ms: they overtake each other. */
  readonly jitterMs: number;
}

/** An RTP header without extensions; the first packet of speech carries one sample of G.711 a byte. */
const HEADER = 12;
const PACKET = 160;
const portOf = (description: string) => Number(/^m=audio (\d+)/m.exec(description)?.[1]);

/** A network between a phone and the gateway: passes RTP on by its port, loses and delays by seed, and keeps when what came. */
class Relay {
  readonly #socket: Socket;
  readonly #random = randomOf(4);
  readonly #impairment: Impairment;
  readonly fromPhone: SentPacket[] = [];
  readonly toPhone: SentPacket[] = [];
  phonePort = 0;
  gatewayPort = 0;

  constructor(socket: Socket, impairment: Impairment) {
    this.#socket = socket;
    this.#impairment = impairment;
    socket.on('message', (bytes, { port }) => this.#pass(bytes, port));
  }

  get port(): number {
    return this.#socket.address().port;
  }

  close(): void {
    this.#socket.close();
    this.#socket.removeAllListeners('message');
  }

  #pass(bytes: Buffer, from: number): void {
    const outward = from === this.phonePort;
    if (bytes.length === HEADER + PACKET) {
      const packet = { at: performance.timeOrigin + performance.now(), sound: bytes.subarray(HEADER) };
      (outward ? this.fromPhone : this.toPhone).push(packet);
    }
    const { loss, jitterMs } = this.#impairment;
    if (this.#random() < loss) return;
    const to = outward ? this.gatewayPort : this.phonePort;
    const send = () => {
      try {
        this.#socket.send(bytes, to, '127.0.0.1', () => {});
      } catch {
        // The call is over and the socket closed: what was still on its way is lost.
      }
    };
    if (jitterMs === 0) send();
    else setTimeout(send, jitterMs * this.#random());
  }
}

/** A session whose packets go through a relay. */
export class RelayedSession implements MediaSession {
  readonly #inner: MediaSession;
  readonly relay: Relay;

  private constructor(inner: MediaSession, relay: Relay) {
    this.#inner = inner;
    this.relay = relay;
    relay.phonePort = portOf(inner.localDescription);
  }

  static async open(inner: MediaSession, impairment: Impairment): Promise<RelayedSession> {
    const socket = createSocket('udp4');
    socket.bind(0, '127.0.0.1');
    await once(socket, 'listening');
    return new RelayedSession(inner, new Relay(socket, impairment));
  }

  /** Each side is told the relay's port in the place of the other's. */
  get localDescription(): string {
    return this.#viaRelay(this.#inner.localDescription);
  }

  get statistics(): MediaStatistics {
    return this.#inner.statistics;
  }

  applyRemote(description: string): void {
    this.relay.gatewayPort = portOf(description);
    this.#inner.applyRemote(this.#viaRelay(description));
  }

  play(samples: Uint8Array): void {
    this.#inner.play(samples);
  }

  take(count: number): Uint8Array {
    return this.#inner.take(count);
  }

  sendDigits(digits: string): void {
    this.#inner.sendDigits(digits);
  }

  onDigit(listener: (digit: string) => void): void {
    this.#inner.onDigit(listener);
  }

  onFlash(listener: () => void): void {
    this.#inner.onFlash(listener);
  }

  close(): void {
    this.relay.close();
    this.#inner.close();
  }

  #viaRelay(description: string): string {
    return description.replace(/^m=audio \d+/m, `m=audio ${this.relay.port}`);
  }
}
