import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** mgetty's voice programs, unmodified, as judges of the emulated modem. */
export const VGETTY = '/usr/sbin/vgetty';
export const VM = '/usr/bin/vm';

/** Why they can't judge here; undefined when they can. */
export function missingMgetty(): string | undefined {
  if (!existsSync(VGETTY)) return 'vgetty is not installed (apt-get install mgetty-voice mgetty-pvftools)';
  if (spawnSync('pvfsine', ['-h']).error) return 'the pvf tools are not installed (apt-get install mgetty-pvftools)';
  if (spawnSync('unshare', ['-m', 'true']).status !== 0) return 'a mount namespace needs root';
  return undefined;
}

/** All they read and write lies in one directory, shown to them where they expect it; /dev holds the pty as a modem. */
const namespace = `
set -e
D=$1
mount --bind "$D/etc" /etc/mgetty
mount --bind "$D/spool" /var/spool/voice
mount --bind "$D/log" /var/log/mgetty
mkdir -p "$D/pts"
mount --bind /dev/pts "$D/pts"
mount -t tmpfs tmpfs /dev
mkdir /dev/pts
mount --bind "$D/pts" /dev/pts
mknod /dev/null c 1 3
mknod /dev/urandom c 1 9
mknod /dev/tty c 5 0
mknod /dev/console c 5 1
ln -s "$2" /dev/ttyACM0
shift 2
exec "$@"
`;

/** A directory of settings, spool and logs of their own. */
export class MgettyRoom {
  readonly directory = mkdtempSync(join(tmpdir(), 'mgetty-'));

  /** `voiceConf` is the whole of voice.conf. */
  constructor(voiceConf: string) {
    for (const name of ['etc', 'spool/incoming', 'spool/messages', 'log']) {
      mkdirSync(join(this.directory, name), { recursive: true });
    }
    writeFileSync(join(this.directory, 'etc/voice.conf'), voiceConf);
    writeFileSync(join(this.directory, 'etc/mgetty.config'), 'debug 9\nspeed 115200\nissue-file /dev/null\n');
  }

  path(name: string): string {
    return join(this.directory, name);
  }

  /** Starts a program that finds the modem as /dev/ttyACM0. */
  start(device: string, command: readonly string[]): ChildProcess {
    return spawn('unshare', ['-m', 'sh', '-c', namespace, 'sh', this.directory, device, ...command], {
      stdio: 'ignore',
    });
  }

  /** Runs a program to its end. */
  run(device: string, command: readonly string[]): Promise<number | null> {
    const child = this.start(device, command);
    return new Promise((resolve) => child.once('exit', resolve));
  }

  get logs(): string {
    const directory = join(this.directory, 'log');
    return readdirSync(directory)
      .map((name) => readFileSync(join(directory, name), 'latin1'))
      .join('\n');
  }

  remove(): void {
    rmSync(this.directory, { recursive: true, force: true });
  }
}
