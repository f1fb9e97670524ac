import type { Socket } from 'node:net';

/** Handshakes in progress, counted by remote address: one host must not use up the room of all others. */
export class UnfinishedHandshakes {
  readonly #limit: number;
  readonly #count = new Map<string, number>();

  constructor(limit: number) {
    this.#limit = limit;
  }

  /**
   * Counts the handshake on a TCP connection until `finished`, which is given, is called or the connection closes.
   * undefined when its address has too many.
   */
  begin(socket: Socket): (() => void) | undefined {
    const address = socket.remoteAddress ?? 'unknown';
    const count = this.#count.get(address) ?? 0;
    if (count >= this.#limit) return undefined;
    this.#count.set(address, count + 1);
    let isCounted = true;
    const finished = () => {
      if (isCounted) this.#release(address);
      isCounted = false;
    };
    socket.once('close', finished);
    return finished;
  }

  #release(address: string): void {
    const left = (this.#count.get(address) ?? 1) - 1;
    if (left === 0) this.#count.delete(address);
    else this.#count.set(address, left);
  }
}
