import type { Clock } from '#platform/clock.ts';
import { messageOf } from '#platform/failure.ts';
import { Unshielder } from '#pstn/modem/dle.ts';
import { ModemReader } from '#pstn/modem/reader.ts';
import type { OpenSerial, SerialDevice } from '#pstn/modem/serial-port.ts';
import type { TranscriptEntry, TranscriptHead } from '#pstn/transcript/entry.ts';
import { maskAnswer, maskCode, maskCommand } from '#pstn/transcript/mask.ts';

export interface RecorderOptions {
  readonly program: string;
  /** Bytes of sound kept of each stream from the modem. None when not given: what is said on a line stays private. */
  readonly keptSound?: number;
  /** Leaves numbers, names and keys in. */
  readonly unmasked?: boolean;
}

type Direction = 'to' | 'from';

interface Tally {
  bytes: number;
  readonly begin: Buffer[];
  readonly since: number;
}

type Body<E = TranscriptEntry> = E extends unknown ? Omit<E, 'ms'> : never;

const ENTERS_STREAM = /AT.{0,40}\+V(TR|RX|TX)$/i;
/** Sound is told at least so often, so that times stay true. */
const SOUND_MS = 500;
const MAX_TEXT = 256;
/** Beyond this nothing more is written. */
const MAX_CHARACTERS = 8_000_000;

/** Writes down what program and modem say to each other, a line of JSON each. It only listens: whatever it makes of the bytes, they pass as they are. */
export class TranscriptRecorder {
  readonly #clock: Clock;
  readonly #write: (line: string) => void;
  readonly #options: RecorderOptions;
  readonly #reader = new ModemReader();
  readonly #outgoing = new Unshielder('');
  #begun = 0;
  #typed = '';
  #enters: string | undefined;
  #streaming: string | undefined;
  readonly #sounds: Record<Direction, Tally | undefined> = { to: undefined, from: undefined };
  #keep = 0;
  #written = 0;

  constructor(deps: { readonly clock: Clock; readonly write: (line: string) => void }, options: RecorderOptions) {
    this.#clock = deps.clock;
    this.#write = deps.write;
    this.#options = options;
    const head: TranscriptHead = { transcript: 1, program: options.program, unmasked: options.unmasked ?? false };
    this.#print(head);
  }

  /** Opens devices as `open` does and listens to them. */
  listeningTo(open: OpenSerial): OpenSerial {
    return async (path, baudRate, listener) => {
      const device = await open(path, baudRate, {
        data: (bytes) => {
          this.#from(bytes);
          listener.data(bytes);
        },
        closed: (reason) => {
          this.#tell({ closed: reason });
          listener.closed(reason);
        },
      }).catch((thrown: unknown) => {
        this.#begun ||= this.#clock.now();
        this.#tell({ closed: messageOf(thrown).slice(0, MAX_TEXT) });
        throw thrown;
      });
      this.#opened(baudRate);
      return this.#tapped(device);
    };
  }

  /** Adds what the program found out, as the last word. */
  conclude(found: Readonly<Record<string, unknown>>): void {
    this.#tell({ found });
  }

  #opened(baudRate: number): void {
    this.#begun = this.#clock.now();
    this.#reader.reset();
    this.#outgoing.reset();
    this.#typed = '';
    this.#streaming = undefined;
    this.#tell({ opened: { baudRate } });
  }

  #tapped(device: SerialDevice): SerialDevice {
    return {
      write: (bytes) => {
        this.#to(bytes);
        device.write(bytes);
      },
      close: () => {
        this.#tell({ closed: 'by the program' });
        return device.close();
      },
    };
  }

  #to(bytes: Uint8Array): void {
    // A command in the midst of a stream: the program gave the stream up.
    if (this.#streaming !== undefined && /^AT[\x20-\x7e]*\r$/.test(Buffer.from(bytes).toString('latin1'))) {
      this.#streaming = undefined;
      this.#reader.reset();
    }
    for (const item of this.#outgoing.push(bytes).items) {
      if (item.type === 'code') this.#tell({ toCode: item.code });
      else if (this.#streaming === 'TR' || this.#streaming === 'TX') this.#addSound('to', item.samples);
      else this.#type(Buffer.from(item.samples).toString('latin1'));
    }
  }

  #type(text: string): void {
    const lines = `${this.#typed}${text}`.split('\r');
    this.#typed = (lines.pop() ?? '').slice(-MAX_TEXT);
    for (const line of lines) {
      const command = line.slice(0, MAX_TEXT);
      this.#tell({ to: this.#options.unmasked ? command : maskCommand(command) });
      this.#enters = ENTERS_STREAM.exec(command)?.[1]?.toUpperCase();
      // While it plays, a modem says nothing but codes and its result.
      if (this.#enters !== undefined && this.#enters !== 'TX') this.#reader.expectStream();
    }
  }

  #from(bytes: Uint8Array): void {
    for (const item of this.#reader.push(bytes)) {
      if (item.type === 'sound') this.#addSound('from', item.samples);
      else if (item.type === 'code') {
        this.#tell({ fromCode: this.#options.unmasked ? item.code : maskCode(item.code) });
        if (item.code === '\x03') this.#streaming = undefined;
      } else {
        this.#tell({ from: this.#options.unmasked ? item.text : maskAnswer(item.text) });
        if (item.text === 'CONNECT' && this.#enters !== undefined) this.#connected(this.#enters);
        else if (item.text === 'OK') this.#streaming = undefined;
      }
    }
  }

  #connected(kind: string): void {
    this.#streaming = kind;
    this.#enters = undefined;
    this.#keep = this.#options.keptSound ?? 0;
  }

  #addSound(direction: Direction, samples: Uint8Array): void {
    const now = this.#clock.now();
    const sound = this.#sounds[direction] ?? { bytes: 0, begin: [], since: now };
    this.#sounds[direction] = sound;
    sound.bytes += samples.length;
    if (direction === 'from' && this.#keep > 0) {
      const kept = Buffer.from(samples.subarray(0, this.#keep));
      this.#keep -= kept.length;
      sound.begin.push(kept);
    }
    if (now - sound.since >= SOUND_MS) this.#flush(direction);
  }

  #flush(direction: Direction): void {
    const sound = this.#sounds[direction];
    if (sound === undefined) return;
    this.#sounds[direction] = undefined;
    const { bytes, begin } = sound;
    const told = { bytes, ...(begin.length === 0 ? {} : { begin: Buffer.concat(begin).toString('base64') }) };
    this.#put(direction === 'to' ? { toSound: told } : { fromSound: told });
  }

  #tell(body: Body): void {
    this.#flush('from');
    this.#flush('to');
    this.#put(body);
  }

  #put(body: Body): void {
    this.#print({ ms: Math.round(this.#clock.now() - this.#begun), ...body });
  }

  #print(entry: object): void {
    if (this.#written > MAX_CHARACTERS) return;
    const line = JSON.stringify(entry);
    this.#written += line.length;
    this.#write(line);
  }
}
