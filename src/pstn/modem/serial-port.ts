import { read } from 'node:fs';
import { promisify } from 'node:util';
import { messageOf } from '#platform/failure.ts';

/** An open serial device. */
export interface SerialDevice {
  /** Queues bytes; never waits and never throws. */
  write(bytes: Uint8Array): void;
  /** Bytes that are queued and not taken yet; not there when it can't tell. */
  readonly unwritten?: number;
  close(): Promise<void>;
}

export interface SerialListener {
  data(bytes: Uint8Array): void;
  /** The device went away. Not called after `close`. */
  closed(reason: string): void;
}

/** Opens a device such as /dev/serial/by-id/...; rejects with an Error that says why it can't. */
export type OpenSerial = (path: string, baudRate: number, listener: SerialListener) => Promise<SerialDevice>;

/** Bytes not yet taken by the device, four seconds of sound: a modem that far behind is stuck. */
export const MAX_UNWRITTEN = 32_768;

const readFd = promisify(read);
/** What the binding's poller waits for (libuv's uv_poll_event). */
const READABLE = 1;
const WRITABLE = 2;

type PortBinding = typeof import('serialport').SerialPort.binding;
type OpenPort = Awaited<ReturnType<PortBinding['open']>>;

/** Opens through the serialport package, which is loaded here and nowhere else: a process without a line never pays for it. */
export const openSerialPort: OpenSerial = async (path, baudRate, listener) => {
  const { SerialPort } = await import('serialport');
  const inner = SerialPort.binding;
  const binding: PortBinding = Object.assign(Object.create(inner), {
    open: async (options: { path: string; baudRate: number }) => noticingHangup(await inner.open(options)),
  });
  const options = { path, baudRate, autoOpen: false, binding };
  const port = new SerialPort(options);
  let closing = false;
  const gone = (reason: string) => {
    if (closing) return;
    closing = true;
    if (port.isOpen) port.close(() => {});
    listener.closed(reason);
  };
  await new Promise<void>((resolve, reject) => port.open((error) => (error ? reject(error) : resolve())));
  port.on('data', (bytes: Uint8Array) => listener.data(bytes));
  port.on('error', (error) => gone(messageOf(error)));
  port.on('close', (error: unknown) => gone(error ? `the device vanished (${messageOf(error)})` : 'the device closed'));
  return {
    get unwritten() {
      return port.writableLength;
    },
    write: (bytes) => {
      if (closing) return;
      if (port.writableLength > MAX_UNWRITTEN) gone('the device takes no more bytes');
      else port.write(Buffer.from(bytes));
    },
    close: () => {
      closing = true;
      return new Promise((resolve) => (port.isOpen ? port.close(() => resolve()) : resolve()));
    },
  };
};

/**
 * A terminal whose device was unplugged reads as zero bytes for ever. The binding takes that for 'nothing yet' and reads
 * again at once, at full load and without ever telling; here it counts as the end of the device. The rest is done as the
 * binding does it: read, and wait for the poller when there is nothing.
 */
function noticingHangup(port: OpenPort): OpenPort {
  if (!('poller' in port)) return port;
  const { poller } = port;
  const poll = poller.poll.bind(poller);
  // Waiting for one event makes the poller forget the other: a device that takes no bytes would not be read any more either.
  poller.poll = (events = 0) => {
    const reading = poller.listenerCount('readable') > 0 ? READABLE : 0;
    const writing = poller.listenerCount('writable') > 0 ? WRITABLE : 0;
    poll(events | reading | writing);
  };
  const readable = () =>
    new Promise<void>((resolve, reject) => {
      poller.once('readable', (error: Error | null) => (error ? reject(error) : resolve()));
    });
  port.read = async (buffer: Buffer, offset: number, length: number) => {
    for (;;) {
      // The close that cancels the poller makes this end.
      if (port.fd === null) throw Object.assign(new Error('the port is closed'), { canceled: true });
      const bytesRead = await readSome(port.fd, buffer.subarray(offset, offset + length));
      if (bytesRead === 0) throw new Error('hung up');
      if (bytesRead !== undefined) return { buffer, bytesRead };
      await readable();
    }
  };
  return port;
}

/** undefined when there is nothing to read yet. */
async function readSome(fd: number, into: Buffer): Promise<number | undefined> {
  try {
    const { bytesRead } = await readFd(fd, into, 0, into.length, null);
    return bytesRead;
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code === 'EAGAIN' || code === 'EWOULDBLOCK' || code === 'EINTR') return undefined;
    throw error;
  }
}
