import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { followingMovedDevice } from '#pstn/modem/moved-device.ts';
import type { SerialDevice } from '#pstn/modem/serial-port.ts';

let root = '';
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'usb-'));
  mkdirSync(join(root, 'class/tty'), { recursive: true });
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

/** A USB serial device as Linux shows it: the tty leads to its interface, the device is the folder above. */
function plugIn(tty: string, socket: string, { serial = '12345678', vendor = '0572', part = '00' } = {}): void {
  const usb = join(root, 'devices', socket);
  const side = join(usb, `${socket}:1.${Number(part)}`);
  const of = tty.startsWith('ttyUSB') ? join(side, tty) : side;
  mkdirSync(of, { recursive: true });
  writeFileSync(join(usb, 'idVendor'), `${vendor}\n`);
  writeFileSync(join(usb, 'idProduct'), '1340\n');
  writeFileSync(join(usb, 'serial'), `${serial}\n`);
  writeFileSync(join(side, 'bInterfaceNumber'), `${part}\n`);
  mkdirSync(join(root, 'class/tty', tty));
  symlinkSync(of, join(root, 'class/tty', tty, 'device'));
}

function pullOut(tty: string, socket: string): void {
  rmSync(join(root, 'class/tty', tty), { recursive: true });
  rmSync(join(root, 'devices', socket), { recursive: true });
}

/** Opens devices that are plugged in, and tells which. */
function driver() {
  const moves: string[] = [];
  const opened: string[] = [];
  const device: SerialDevice = { write: () => {}, close: async () => {} };
  const open = followingMovedDevice(
    async (path) => {
      opened.push(path);
      return device;
    },
    { sysfs: root, dev: '/dev', onMoved: (_, to) => moves.push(to) },
  );
  const listener = { data: () => {}, closed: () => {} };
  return {
    moves,
    open: async (path: string) => {
      await open(path, 115_200, listener);
      return opened.at(-1);
    },
  };
}

describe('a modem that comes back under another kernel name', () => {
  it('is found by vendor, product, serial number and interface', async () => {
    const { open, moves } = driver();
    plugIn('ttyACM0', '1-1');
    plugIn('ttyUSB0', '1-3', { vendor: '0403', serial: 'FT1' });
    expect(await open('/dev/ttyACM0')).toBe('/dev/ttyACM0');
    pullOut('ttyACM0', '1-1');
    expect(await open('/dev/ttyACM0')).toBe('/dev/ttyACM0');
    plugIn('ttyACM1', '1-2');
    expect(await open('/dev/ttyACM0')).toBe('/dev/ttyACM1');
    expect(moves).toEqual(['/dev/ttyACM1']);
    // Something else has taken its old name meanwhile.
    plugIn('ttyACM0', '1-1', { vendor: '2341', serial: 'A' });
    expect(await open('/dev/ttyACM0')).toBe('/dev/ttyACM1');
  });

  it('is found on a USB serial adapter, by its interface where a device has several', async () => {
    const { open } = driver();
    for (const part of ['00', '02']) plugIn(`ttyUSB${Number(part)}`, '1-1', { part });
    expect(await open('/dev/ttyUSB2')).toBe('/dev/ttyUSB2');
    rmSync(join(root, 'class/tty/ttyUSB0'), { recursive: true });
    pullOut('ttyUSB2', '1-1');
    for (const part of ['00', '02']) plugIn(`ttyUSB${4 + Number(part)}`, '1-1', { part });
    expect(await open('/dev/ttyUSB2')).toBe('/dev/ttyUSB6');
  });

  it('is not guessed where two are alike, before or after', async () => {
    const before = driver();
    plugIn('ttyACM0', '1-1');
    plugIn('ttyACM1', '1-2');
    await before.open('/dev/ttyACM0');
    pullOut('ttyACM0', '1-1');
    expect(await before.open('/dev/ttyACM0')).toBe('/dev/ttyACM0');
    const after = driver();
    await after.open('/dev/ttyACM1');
    pullOut('ttyACM1', '1-2');
    plugIn('ttyACM2', '1-1');
    plugIn('ttyACM3', '1-2');
    expect(await after.open('/dev/ttyACM1')).toBe('/dev/ttyACM1');
    expect([...before.moves, ...after.moves]).toEqual([]);
  });

  it('is not followed from names that mean something else: by-id, by-path, a udev rule, no USB', async () => {
    const { open, moves } = driver();
    plugIn('ttyACM0', '1-1');
    for (const path of ['/dev/serial/by-path/pci-0:1-1', '/dev/copperring-line', '/dev/ttyS0']) {
      expect(await open(path)).toBe(path);
    }
    pullOut('ttyACM0', '1-1');
    plugIn('ttyACM1', '1-2');
    for (const path of ['/dev/serial/by-path/pci-0:1-1', '/dev/copperring-line', '/dev/ttyS0']) {
      expect(await open(path)).toBe(path);
    }
    expect(moves).toEqual([]);
  });
});
