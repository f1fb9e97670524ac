import { readdir, readFile, readlink, realpath } from 'node:fs/promises';

export interface Holder {
  readonly pid: number;
  /** Program and arguments, as far as they can be read. */
  readonly command: string;
}

const MAX_PROCESSES = 4096;
const MAX_COMMAND = 80;

/** Processes that have a device open, as far as this user may see them: one's own, or all for root. */
export async function holdersOf(path: string): Promise<readonly Holder[]> {
  const device = await realpath(path).catch(() => path);
  const holders: Holder[] = [];
  for (const pid of await processes()) {
    if (pid !== process.pid && (await holds(pid, device))) holders.push({ pid, command: await commandOf(pid) });
  }
  return holders;
}

/** Whether a program of this name runs. */
export async function isRunning(name: string): Promise<boolean> {
  for (const pid of await processes()) {
    const comm = await readFile(`/proc/${pid}/comm`, 'utf8').catch(() => '');
    if (comm.trim() === name) return true;
  }
  return false;
}

async function processes(): Promise<readonly number[]> {
  const names = await readdir('/proc').catch(() => []);
  return names
    .filter((name) => /^\d{1,8}$/.test(name))
    .slice(0, MAX_PROCESSES)
    .map(Number);
}

async function holds(pid: number, device: string): Promise<boolean> {
  const folder = `/proc/${pid}/fd`;
  const files = await readdir(folder).catch(() => []);
  for (const file of files.slice(0, MAX_PROCESSES)) {
    if ((await readlink(`${folder}/${file}`).catch(() => '')) === device) return true;
  }
  return false;
}

async function commandOf(pid: number): Promise<string> {
  const line = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
  return line.replaceAll('\0', ' ').trim().slice(0, MAX_COMMAND);
}
