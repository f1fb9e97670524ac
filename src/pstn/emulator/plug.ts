import { renameSync, rmSync, symlinkSync } from 'node:fs';
import type { Clock } from '#platform/clock.ts';
import { openPty, type Pty } from '#pstn/emulator/pty.ts';
import type { ModemPort } from '#pstn/emulator/sound-stream.ts';

/** One device of an emulated modem, which can be pulled out and put back. */
export class Plug {
  readonly #clock: Clock;
  readonly #onData: (bytes: Uint8Array) => void;
  readonly #link: string | undefined;
  #pty: Pty | undefined;
  #lastPath: string | undefined;

  /** `link`: a name that always leads to the device, made anew at each plugging in. */
  constructor(deps: { readonly clock: Clock; readonly onData: (bytes: Uint8Array) => void }, link: string | undefined) {
    this.#clock = deps.clock;
    this.#onData = deps.onData;
    this.#link = link;
  }

  get isIn(): boolean {
    return this.#pty !== undefined;
  }

  /** The modem's side, whether there is anybody to listen or not. */
  get port(): ModemPort {
    const pty = () => this.#pty;
    return {
      send: (bytes) => pty()?.write(bytes),
      get backlog() {
        return pty()?.backlog ?? 0;
      },
      hold: (held) => pty()?.hold(held),
    };
  }

  /** Gives the name to open. `elsewhere`: the device gets another path than the last time. */
  async putIn(elsewhere: boolean): Promise<string> {
    const pty = await this.#newPty(elsewhere ? this.#lastPath : undefined);
    this.#pty = pty;
    this.#lastPath = pty.path;
    if (this.#link === undefined) return pty.path;
    // Renaming over the old link leaves no moment without one.
    rmSync(`${this.#link}.new`, { force: true });
    symlinkSync(pty.path, `${this.#link}.new`);
    renameSync(`${this.#link}.new`, this.#link);
    return this.#link;
  }

  pullOut(): void {
    this.#pty?.close();
    this.#pty = undefined;
    if (this.#link !== undefined) rmSync(this.#link, { force: true });
  }

  /** The system gives the lowest free number: a path to avoid is taken for as long as it needs to give another. */
  async #newPty(avoid: string | undefined): Promise<Pty> {
    const pty = await openPty(this.#clock, this.#onData);
    if (pty.path !== avoid) return pty;
    const other = await this.#newPty(avoid);
    pty.close();
    return other;
  }
}
