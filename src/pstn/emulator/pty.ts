import { closeSync, constants, openSync, writeSync } from 'node:fs';
import { ReadStream } from 'node:tty';
import type { Clock, Timer } from '#platform/clock.ts';

/** A pseudo terminal: whoever opens `path` talks to `write` and `onData`. */
export interface Pty {
  /** The device that stands for the modem, such as /dev/pts/3. */
  readonly path: string;
  write(bytes: Uint8Array): void;
  /** Bytes written that the other side has not taken yet, as far as this side still holds them. */
  readonly backlog: number;
  /** Stops reading, so that the other side's writes fill up. */
  hold(held: boolean): void;
  /** Unplugs: whoever has the device open sees it vanish. */
  close(): void;
}

const RETRY_MS = 5;
/** Bytes that wait for a reader; older than that nobody reads. */
const MAX_WAITING = 65_536;
/** Room for any platform's struct termios (60 bytes on Linux). */
const TERMIOS_SIZE = 256;
const NAME_SIZE = 128;
/** Linux's value; Node names it nowhere. */
const O_CLOEXEC = 0o2000000;

/**
 * Opens a pty in raw mode. Node cannot: koffi calls posix_openpt and its kin. The slave is kept open here as well, so that
 * it outlives its users and reads of the master do not fail while there is none.
 */
export async function openPty(clock: Clock, onData: (bytes: Uint8Array) => void): Promise<Pty> {
  const { default: koffi } = await import('koffi');
  const libc = koffi.load(null);
  const call = (prototype: string, what: string) => {
    const native = libc.func(prototype);
    return (...args: readonly unknown[]): number => {
      const result: unknown = native(...args);
      if (typeof result !== 'number' || result < 0) throw new Error(`no pseudo terminal: ${what} failed`);
      return result;
    };
  };
  // Node leaves the master of a pty as it is, and a write that blocks would stop the whole modem once nobody reads.
  const flags = constants.O_RDWR | constants.O_NOCTTY | constants.O_NONBLOCK | O_CLOEXEC;
  const master = call('int posix_openpt(int flags)', 'posix_openpt')(flags);
  call('int grantpt(int fd)', 'grantpt')(master);
  call('int unlockpt(int fd)', 'unlockpt')(master);
  const name = Buffer.alloc(NAME_SIZE);
  call('int ptsname_r(int fd, _Out_ uint8_t *name, size_t size)', 'ptsname_r')(master, name, NAME_SIZE);
  const path = name.toString('latin1').split('\0')[0] ?? '';
  const slave = openSync(path, constants.O_RDWR | constants.O_NOCTTY);
  const termios = Buffer.alloc(TERMIOS_SIZE);
  call('int tcgetattr(int fd, _Out_ uint8_t *termios)', 'tcgetattr')(slave, termios);
  libc.func('void cfmakeraw(_Inout_ uint8_t *termios)')(termios);
  call('int tcsetattr(int fd, int when, uint8_t *termios)', 'tcsetattr')(slave, 0, termios);
  return new OpenPty({ master, slave, path }, clock, onData);
}

class OpenPty implements Pty {
  readonly path: string;
  readonly #master: number;
  readonly #slave: number;
  readonly #clock: Clock;
  readonly #stream: ReadStream;
  #waiting: Uint8Array[] = [];
  #backlog = 0;
  #retry: Timer | undefined;
  #closed = false;

  constructor(
    fds: { readonly master: number; readonly slave: number; readonly path: string },
    clock: Clock,
    onData: (bytes: Uint8Array) => void,
  ) {
    this.#master = fds.master;
    this.#slave = fds.slave;
    this.path = fds.path;
    this.#clock = clock;
    this.#stream = new ReadStream(fds.master);
    this.#stream.on('data', (bytes: Uint8Array) => onData(bytes));
    this.#stream.on('error', () => this.close());
  }

  get backlog(): number {
    return this.#backlog;
  }

  write(bytes: Uint8Array): void {
    if (this.#closed || this.#backlog + bytes.length > MAX_WAITING) return;
    this.#waiting.push(bytes);
    this.#backlog += bytes.length;
    if (!this.#retry) this.#flush();
  }

  hold(held: boolean): void {
    if (held) this.#stream.pause();
    else this.#stream.resume();
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#retry?.cancel();
    this.#stream.destroy();
    closeSync(this.#slave);
  }

  /** The descriptor does not block, so a full buffer shows as EAGAIN; the rest goes out a little later. */
  #flush(): void {
    this.#retry = undefined;
    for (let piece = this.#waiting[0]; piece !== undefined && !this.#closed; piece = this.#waiting[0]) {
      const written = this.#tryWrite(piece);
      this.#backlog -= written;
      if (written === piece.length) this.#waiting.shift();
      else {
        this.#waiting[0] = piece.subarray(written);
        this.#retry = this.#clock.after(RETRY_MS, () => this.#flush());
        return;
      }
    }
  }

  #tryWrite(bytes: Uint8Array): number {
    try {
      return writeSync(this.#master, bytes);
    } catch (error) {
      const again = error instanceof Error && 'code' in error && error.code === 'EAGAIN';
      return again ? 0 : bytes.length;
    }
  }
}
