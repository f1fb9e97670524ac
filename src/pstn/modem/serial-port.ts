import { read } from 'node:fs';
import { promisify } from 'node:util';
import { messageOf } from '#platform/failure.ts';

/** An open serial device. */
export interface SerialDevice {
  /** Queues bytes; never waits and never throws. */
  write(bytes: Uint8Array): void;
  close(): Promise<void>;
}

export interface SerialListener {
  data(bytes: Uint8Array): void;
  /** The device went away. Not called after `close`. */
  closed(reason: string): void;
}

/** Opens a device such as /dev/serial/by-id/...; rejects with an Error that says why it can't. */
export type OpenSerial = (path: string, baudRate: number, listener: SerialListener) => Promise<SerialDevice>;

const readFd = promisify(read);

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
    write: (bytes) => {
      if (!closing) port.write(Buffer.from(bytes));
    },
    close: () => {
      closing = true;
      return new Promise((resolve) => (port.isOpen ? port.close(() => resolve()) : resolve()));
    },
  };
};

/**
 * A terminal whose device was unplugged reads as zero bytes for ever. The binding takes that for 'nothing yet' and reads
 * again at once, at full load and without ever telling; here it counts as the end of the device.
 */
function noticingHangup(port: OpenPort): OpenPort {
  const waitAndRead = port.read.bind(port);
  port.read = async (buffer: Buffer, offset: number, length: number) => {
    const fd = 'fd' in port && typeof port.fd === 'number' ? port.fd : undefined;
    if (fd === undefined) return waitAndRead(buffer, offset, length);
    try {
      const { bytesRead } = await readFd(fd, buffer, offset, length, null);
      if (bytesRead > 0) return { buffer, bytesRead };
    } catch (error) {
      if (isNothingYet(error)) return waitAndRead(buffer, offset, length);
      throw error;
    }
    throw new Error('hung up');
  };
  return port;
}

function isNothingYet(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return code === 'EAGAIN' || code === 'EWOULDBLOCK' || code === 'EINTR';
}
