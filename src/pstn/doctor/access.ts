import { access, constants, readdir, readFile, realpath, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { holdersOf, isRunning } from '#pstn/doctor/holders.ts';
import type { Problem } from '#pstn/doctor/report.ts';

const BY_ID = '/dev/serial/by-id';
const MAX_LISTED = 16;

/** Serial devices with names that stay. */
export async function serialDevices(): Promise<readonly string[]> {
  const names = await readdir(BY_ID).catch(() => []);
  return names.slice(0, MAX_LISTED).map((name) => join(BY_ID, name));
}

/** Why a device can't be opened, and what to do: the commonest trouble of an installation. `reason` is what the system said. */
export async function explainAccess(path: string, reason: string): Promise<Problem> {
  const fatal = true;
  const known = await stat(path).catch(() => undefined);
  if (known === undefined) {
    const others = await serialDevices();
    const remedy =
      others.length === 0
        ? 'plug the modem in; `lsusb` must show it, and `sudo dmesg` must name a ttyACM or ttyUSB'
        : `serial devices that are there: ${others.join(', ')}`;
    return { what: `there is no ${path}`, remedy, fatal };
  }
  if (!known.isCharacterDevice()) {
    return {
      what: `${path} is no serial device`,
      remedy: 'name the modem, best as it stands under /dev/serial/by-id',
      fatal,
    };
  }
  if (!(await mayUse(path))) {
    const group = await groupName(known.gid);
    const remedy = `run \`sudo usermod -aG ${group} $USER\` and log in again (the service's user is in it already); the udev rule in firmware-config/udev sets the group to dialout`;
    return { what: `this user may not use ${path}, which belongs to group ${group}`, remedy, fatal };
  }
  const holders = await holdersOf(path);
  if (holders.length > 0 || /lock|busy|temporarily unavailable/i.test(reason)) return inUse(path, holders);
  return { what: `${path} cannot be opened: ${reason}`, remedy: 'unplug the modem and plug it in again', fatal };
}

/** What stands in the way although the device can be opened. */
export async function hindrances(path: string): Promise<readonly Problem[]> {
  const real = await realpath(path).catch(() => path);
  if (!(await isRunning('ModemManager'))) return [];
  if (await isIgnored(real)) return [];
  const what = 'ModemManager runs and may talk to the modem in between';
  const remedy =
    'install the udev rule of firmware-config/udev (ID_MM_DEVICE_IGNORE=1), or `sudo systemctl disable --now ModemManager`';
  return [{ what, remedy, fatal: false }];
}

/** `0572:1329`, or undefined for what is no USB device. */
export async function usbIds(path: string): Promise<string | undefined> {
  const real = await realpath(path).catch(() => path);
  let folder = await realpath(`/sys/class/tty/${basename(real)}/device`).catch(() => undefined);
  // From the interface up to the device.
  for (let up = 0; folder !== undefined && up < 4; up++, folder = dirname(folder)) {
    const [vendor, product] = await Promise.all(
      ['idVendor', 'idProduct'].map((name) => readFile(join(folder ?? '', name), 'utf8').catch(() => '')),
    );
    if (vendor && product) return `${vendor.trim()}:${product.trim()}`;
  }
  return undefined;
}

function inUse(path: string, holders: Awaited<ReturnType<typeof holdersOf>>): Problem {
  const names = holders.map(({ pid, command }) => `${command || 'a process'} (pid ${pid})`).join(', ');
  const ours = holders.some(({ command }) => command.includes('copperring'));
  return {
    what: `${path} is in use${names === '' ? '' : ` by ${names}`}`,
    remedy:
      ours || names === ''
        ? 'stop the gateway first (`sudo systemctl stop copperring`) and start it again afterwards'
        : 'end that program; ModemManager is kept away by the udev rule of firmware-config/udev',
    fatal: true,
  };
}

async function mayUse(path: string): Promise<boolean> {
  return access(path, constants.R_OK | constants.W_OK).then(
    () => true,
    () => false,
  );
}

async function groupName(gid: number): Promise<string> {
  const groups = await readFile('/etc/group', 'utf8').catch(() => '');
  for (const line of groups.split('\n')) {
    const [name = '', , id] = line.split(':');
    if (Number(id) === gid) return name;
  }
  return String(gid);
}

/** What udev knows of the device. */
async function isIgnored(device: string): Promise<boolean> {
  const { rdev } = await stat(device).catch(() => ({ rdev: 0 }));
  const major = (rdev >> 8) & 0xfff;
  const minor = (rdev & 0xff) | ((rdev >> 12) & 0xfff00);
  const facts = await readFile(`/run/udev/data/c${major}:${minor}`, 'utf8').catch(() => '');
  return facts.includes('ID_MM_DEVICE_IGNORE=1');
}
