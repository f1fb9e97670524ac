import { messageOf } from '#platform/failure.ts';
import type { OpenSerial, SerialDevice } from '#pstn/modem/serial-port.ts';

export interface ModulePortsDeps {
  /** Of the port that takes commands, and of the one for sound. */
  readonly openPort: OpenSerial;
  readonly openAudio: OpenSerial;
}

export interface ModulePortsOptions {
  readonly path: string;
  readonly audioPath: string;
  readonly baudRate: number;
}

export interface ModulePortsListener {
  opened(): void;
  /** One of them could not be opened, or closed by itself: neither is open now. */
  lost(reason: string): void;
  said(bytes: Uint8Array): void;
  sound(bytes: Uint8Array): void;
}

/** The two serial devices of a cellular module, which are open both or not at all. */
export class ModulePorts {
  readonly #deps: ModulePortsDeps;
  readonly #options: ModulePortsOptions;
  readonly #listener: ModulePortsListener;
  #generation = 0;
  #commands: SerialDevice | undefined;
  #audio: SerialDevice | undefined;

  constructor(deps: ModulePortsDeps, options: ModulePortsOptions, listener: ModulePortsListener) {
    this.#deps = deps;
    this.#options = options;
    this.#listener = listener;
  }

  /** Bytes of sound that the module has not taken. */
  get unwritten(): number {
    return this.#audio?.unwritten ?? 0;
  }

  write(bytes: Uint8Array): void {
    this.#commands?.write(bytes);
  }

  play(bytes: Uint8Array): void {
    this.#audio?.write(bytes);
  }

  open(): void {
    this.close();
    const generation = this.#generation;
    this.#openBoth(generation).catch((error) => this.#lose(generation, messageOf(error)));
  }

  close(): void {
    this.#generation++;
    const devices = [this.#commands, this.#audio];
    this.#commands = undefined;
    this.#audio = undefined;
    // A device that is gone can't be closed any more, and need not be.
    for (const device of devices) device?.close().catch(() => {});
  }

  async #openBoth(generation: number): Promise<void> {
    const { path, audioPath, baudRate } = this.#options;
    const current = () => generation === this.#generation;
    const listening = (data: (bytes: Uint8Array) => void, name: string) => ({
      data: (bytes: Uint8Array) => {
        if (current()) data(bytes);
      },
      closed: (reason: string) => this.#lose(generation, `${name}: ${reason}`),
    });
    const said = listening((bytes) => this.#listener.said(bytes), path);
    const commands = await this.#deps.openPort(path, baudRate, said);
    if (!current()) return commands.close();
    this.#commands = commands;
    const sound = listening((bytes) => this.#listener.sound(bytes), audioPath);
    const audio = await this.#deps.openAudio(audioPath, baudRate, sound);
    if (!current()) return audio.close();
    this.#audio = audio;
    this.#listener.opened();
  }

  #lose(generation: number, reason: string): void {
    if (generation !== this.#generation) return;
    this.close();
    this.#listener.lost(reason);
  }
}
