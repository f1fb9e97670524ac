import { readdir, readFile, realpath } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { OpenSerial } from '#pstn/modem/serial-port.ts';

export interface MovedDeviceOptions {
  /** Where Linux shows its devices; /sys and /dev when not given. */
  readonly sysfs?: string;
  readonly dev?: string;
  /** Told when the device is opened under another name than asked for. */
  readonly onMoved: (from: string, to: string) => void;
}

/** Names that the kernel gives in order of arrival, so that a modem plugged in again may get another one. */
const KERNEL_NAME = /^tty(?:ACM|USB)\d{1,4}$/;
/** From a tty up to its USB device: interface, device, and a level more for USB serial adapters. */
const MAX_LEVELS = 4;
const MAX_DEVICES = 1024;

/**
 * Opens a modem that came back under another kernel name. Only names such as /dev/ttyACM0 are followed, and only to the one device that has the
 * same USB vendor, product, serial number and interface: a name under by-id follows by itself, one under by-path means the socket and
 * not the modem, and where two devices are alike nobody can tell on which telephone line each hangs.
 */
export function followingMovedDevice(open: OpenSerial, options: MovedDeviceOptions): OpenSerial {
  const { sysfs = '/sys', dev = '/dev', onMoved } = options;
  const usb = new UsbTtys(join(sysfs, 'class', 'tty'));
  let known: string | undefined;
  return async (path, baudRate, listener) => {
    const name = basename(path);
    if (dirname(path) !== dev || !KERNEL_NAME.test(name)) return open(path, baudRate, listener);
    const here = await usb.identityOf(name);
    if (known !== undefined && here !== known) {
      const [only, ...more] = await usb.withIdentity(known);
      if (only !== undefined && more.length === 0) {
        onMoved(path, join(dev, only));
        return open(join(dev, only), baudRate, listener);
      }
    }
    const device = await open(path, baudRate, listener);
    // Of devices that are alike none is remembered.
    if (here !== undefined && (await usb.withIdentity(here)).length === 1) known = here;
    return device;
  };
}

class UsbTtys {
  readonly #directory: string;

  constructor(directory: string) {
    this.#directory = directory;
  }

  /** The names of the devices with an identity. */
  async withIdentity(identity: string): Promise<readonly string[]> {
    const names = (await readdir(this.#directory).catch(() => []))
      .filter((name) => KERNEL_NAME.test(name))
      .slice(0, MAX_DEVICES);
    const identities = await Promise.all(names.map((name) => this.identityOf(name)));
    return names.filter((_, i) => identities[i] === identity);
  }

  /** Vendor, product, serial number and interface in one word; undefined when there is no such device, or none on USB. */
  async identityOf(name: string): Promise<string | undefined> {
    let at = await realpath(join(this.#directory, name, 'device')).catch(() => undefined);
    let part = '';
    for (let level = 0; at !== undefined && level < MAX_LEVELS; level++, at = dirname(at)) {
      part ||= await text(join(at, 'bInterfaceNumber'));
      const vendor = await text(join(at, 'idVendor'));
      if (vendor === '') continue;
      const [product, serial] = await Promise.all([text(join(at, 'idProduct')), text(join(at, 'serial'))]);
      return [vendor, product, serial, part].join(':');
    }
    return undefined;
  }
}

/** Empty where there is no such file. */
async function text(path: string): Promise<string> {
  return (await readFile(path, 'utf8').catch(() => '')).trim();
}
