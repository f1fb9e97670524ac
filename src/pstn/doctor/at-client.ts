import { utf8 as ascii, concat } from '#platform/bytes.ts';
import type { Clock } from '#platform/clock.ts';
import { ETX_CODE, shieldedCode } from '#pstn/modem/dle.ts';
import { ModemReader } from '#pstn/modem/reader.ts';
import { type FinalResult, finalResult } from '#pstn/modem/results.ts';
import type { OpenSerial, SerialDevice } from '#pstn/modem/serial-port.ts';

export interface AtAnswer {
  readonly result: FinalResult | 'no answer' | 'gone';
  /** What came before the result. */
  readonly lines: readonly string[];
}

/** What flows while a stream runs. */
export interface StreamListener {
  sound(bytes: Uint8Array): void;
  code(code: string): void;
}

const ANSWER_MS = 3000;
const DRAIN_MS = 300;
const GUARD_MS = 1200;
/** A modem that says more than this to one question is not listened to any further. */
const MAX_LINES = 64;

/** Asks a modem one question after the other. Nothing here throws but `open`: an answer that does not come is one too. */
export class AtClient {
  readonly #clock: Clock;
  readonly #reader = new ModemReader();
  #device: SerialDevice | undefined;
  #lines: string[] = [];
  #settle: ((result: AtAnswer['result']) => void) | undefined;
  #awaited: { readonly code: string; readonly seen: () => void } | undefined;
  #stream: StreamListener | undefined;

  private constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Rejects with an Error when the device can't be opened. */
  static async open(
    deps: { readonly clock: Clock; readonly openPort: OpenSerial },
    port: { readonly path: string; readonly baudRate: number },
  ): Promise<AtClient> {
    const client = new AtClient(deps.clock);
    client.#device = await deps.openPort(port.path, port.baudRate, {
      data: (bytes) => client.#receive(bytes),
      closed: () => {
        client.#device = undefined;
        client.#settle?.('gone');
        client.#awaited?.seen();
      },
    });
    return client;
  }

  get isOpen(): boolean {
    return this.#device !== undefined;
  }

  write(bytes: Uint8Array): void {
    this.#device?.write(bytes);
  }

  /** Leaves whatever a program before left behind, then sees whether anybody answers. */
  async resynchronise(attempts: number): Promise<boolean> {
    for (let attempt = 1; attempt <= attempts && this.isOpen; attempt++) {
      const ofDataCall = attempt % 3 === 0;
      this.#reader.reset();
      this.write(
        ofDataCall ? ascii('+++') : concat(shieldedCode(ETX_CODE), shieldedCode('!'), shieldedCode('^'), ascii('\r')),
      );
      await this.#pause(ofDataCall ? GUARD_MS : DRAIN_MS);
      this.#reader.reset();
      if ((await this.ask('ATE0Q0V1', 1000)).result === 'OK') return true;
    }
    return false;
  }

  ask(command: string, ms = ANSWER_MS): Promise<AtAnswer> {
    return this.#run(command, ms, undefined);
  }

  /** A command that enters a stream; CONNECT when it runs. `kind` says what the modem sends in it. */
  enter(command: string, kind: 'sound' | 'codes', listener: StreamListener): Promise<AtAnswer> {
    if (kind === 'sound') this.#reader.expectStream();
    return this.#run(command, ANSWER_MS, listener);
  }

  /** Sends what ends a stream and waits for its end; gives how long that took, undefined when it did not end. */
  async leave(exit: Uint8Array, ms: number): Promise<number | undefined> {
    const since = this.#clock.now();
    let ended = false;
    await new Promise<void>((resolve) => {
      const timer = this.#clock.after(ms, resolve);
      const seen = () => {
        ended = this.isOpen;
        timer.cancel();
        resolve();
      };
      this.#awaited = { code: ETX_CODE, seen };
      this.#settle = (result) => {
        if (result === 'OK' || result === 'NO CARRIER') seen();
      };
      this.write(exit);
    });
    this.#awaited = undefined;
    this.#settle = undefined;
    if (!ended) return undefined;
    this.#stream = undefined;
    const took = this.#clock.now() - since;
    // The result behind the end of the stream.
    await this.#pause(DRAIN_MS);
    this.#reader.reset();
    return took;
  }

  async close(): Promise<void> {
    const device = this.#device;
    this.#device = undefined;
    await device?.close();
  }

  async #run(command: string, ms: number, listener: StreamListener | undefined): Promise<AtAnswer> {
    if (!this.isOpen) return { result: 'gone', lines: [] };
    this.#lines = [];
    this.#stream = listener;
    const result = await new Promise<AtAnswer['result']>((resolve) => {
      const timer = this.#clock.after(ms, () => resolve('no answer'));
      this.#settle = (answer) => {
        timer.cancel();
        // Sound follows in the same piece, so this is no time for a promise to take its turn.
        if (answer !== 'CONNECT') this.#stream = undefined;
        this.#settle = undefined;
        resolve(answer);
      };
      this.write(ascii(`${command}\r`));
    });
    this.#settle = undefined;
    return { result, lines: this.#lines };
  }

  #receive(bytes: Uint8Array): void {
    for (const item of this.#reader.push(bytes)) {
      if (item.type === 'sound') this.#stream?.sound(item.samples);
      else if (item.type === 'code') {
        this.#stream?.code(item.code);
        if (item.code === this.#awaited?.code) this.#awaited.seen();
      } else {
        const result = finalResult(item.text);
        if (result !== undefined) this.#settle?.(result);
        else if (this.#lines.length < MAX_LINES) this.#lines.push(item.text);
      }
    }
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      this.#clock.after(ms, resolve);
    });
  }
}
