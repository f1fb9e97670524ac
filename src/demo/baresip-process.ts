import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { Child } from '#demo/child.ts';
import { freePort } from '#demo/free-port.ts';
import type { PhoneAccount } from '#demo/phone.ts';
import { ToneGenerator } from '#media/tones.ts';
import { writeWav } from '#media/wav.ts';
import { Failure } from '#platform/failure.ts';

const MODULE_PATHS = ['/usr/lib/baresip/modules', '/usr/local/lib/baresip/modules'];
const MODULES = ['g711', 'aufile', 'account', 'menu', 'ctrl_tcp', 'sndfile'];
const TONE_SECONDS = 120;
const CONNECT_MS = 5000;

export interface BaresipEvent {
  readonly type: string;
  readonly peeruri?: string;
  readonly param?: string;
}

type BaresipFault = { readonly code: 'no-event' } | { readonly code: 'refused'; readonly param: string | undefined };

/** Whether the program is installed. */
export function baresipInstalled(): boolean {
  return !spawnSync('baresip', ['-h'], { stdio: 'ignore' }).error;
}

/** An unmodified baresip in a folder of its own, driven over its ctrl_tcp module: netstrings of JSON. */
export class BaresipProcess {
  /** Everything it told since it was connected to; its first registration comes before that. */
  readonly events: BaresipEvent[] = [];
  readonly #child: Child;
  readonly #socket: Socket;
  readonly #listeners = new Set<() => void>();
  #pending = Buffer.alloc(0);

  private constructor(child: Child, socket: Socket) {
    this.#child = child;
    this.#socket = socket;
    socket.on('data', (bytes) => this.#received(bytes));
    socket.on('error', () => {});
  }

  /** Its sound source is a tone of `toneHz`; what it sends and hears is dumped into the folder when a call ends. */
  static async start(
    directory: string,
    account: PhoneAccount,
    toneHz: number,
    furtherModules: readonly string[] = [],
  ): Promise<BaresipProcess> {
    const controlPort = await freePort();
    mkdirSync(directory, { recursive: true });
    writeFileSync(join(directory, 'tone.wav'), writeWav(new ToneGenerator([toneHz]).nextLinear(TONE_SECONDS * 8000)));
    writeFileSync(join(directory, 'config'), configuration(directory, controlPort, furtherModules));
    writeFileSync(join(directory, 'accounts'), `${accountLine(account)}\n`);
    writeFileSync(join(directory, 'contacts'), '');
    const child = new Child('baresip', 'baresip', ['-f', directory]);
    return new BaresipProcess(child, await connectWithRetry(controlPort, child));
  }

  command(command: string, params = ''): void {
    const json = JSON.stringify({ command, params });
    this.#socket.write(`${Buffer.byteLength(json)}:${json},`);
  }

  /** The first event of a type from the `since`th on. Rejects when `fatal` comes first, or nothing in time. */
  event(
    type: string,
    options: { readonly timeoutMs: number; readonly since?: number; readonly fatal?: string },
  ): Promise<BaresipEvent> {
    const { timeoutMs, since = 0, fatal } = options;
    return new Promise((resolve, reject) => {
      const fail = (fault: BaresipFault, what: string) => {
        finish();
        reject(new Failure<BaresipFault>(fault, what));
      };
      const check = () => {
        const found = this.events.slice(since).find((event) => event.type === type || event.type === fatal);
        if (!found) return;
        if (found.type === fatal) {
          fail({ code: 'refused', param: found.param }, `baresip: ${fatal} instead of ${type} (${found.param})`);
          return;
        }
        finish();
        resolve(found);
      };
      const timer = setTimeout(
        () =>
          fail({ code: 'no-event' }, `baresip reported no ${type} within ${timeoutMs} ms, only ${this.#seen(since)}`),
        timeoutMs,
      );
      const finish = () => {
        clearTimeout(timer);
        this.#listeners.delete(check);
      };
      this.#listeners.add(check);
      check();
      void this.#child.exited.then(() => fail({ code: 'no-event' }, `baresip ended before it reported ${type}`));
    });
  }

  /** Resolves when it has printed a line with `text`. */
  said(text: string, timeoutMs: number): Promise<void> {
    return this.#child.printed(text, timeoutMs);
  }

  async stop(): Promise<void> {
    this.#socket.destroy();
    await this.#child.stop();
  }

  #seen(since: number): string {
    const types = this.events.slice(since).map((event) => `${event.type}${event.param ? ` (${event.param})` : ''}`);
    return types.length > 0 ? types.join(', ') : 'nothing';
  }

  #received(bytes: Buffer): void {
    this.#pending = Buffer.concat([this.#pending, bytes]);
    for (;;) {
      const colon = this.#pending.indexOf(':');
      const length = colon > 0 ? Number(this.#pending.subarray(0, colon).toString('latin1')) : Number.NaN;
      if (!Number.isInteger(length) || this.#pending.length < colon + length + 2) return;
      const json = this.#pending.subarray(colon + 1, colon + 1 + length).toString('utf8');
      this.#pending = this.#pending.subarray(colon + length + 2);
      const message = JSON.parse(json) as { event?: boolean } & BaresipEvent;
      if (message.event !== true) continue;
      this.events.push(message);
      for (const listener of this.#listeners) listener();
    }
  }
}

function configuration(directory: string, controlPort: number, furtherModules: readonly string[]): string {
  return [
    'sip_listen 127.0.0.1:0',
    'net_interface 127.0.0.1',
    `module_path ${MODULE_PATHS.find((path) => existsSync(path)) ?? MODULE_PATHS[0]}`,
    ...[...MODULES, ...furtherModules].map((name) => `module ${name}.so`),
    `audio_source aufile,${join(directory, 'tone.wav')}`,
    `audio_player aufile,${join(directory, 'heard.wav')}`,
    `audio_alert aufile,${join(directory, 'alert.wav')}`,
    'ausrc_srate 8000',
    'auplay_srate 8000',
    'ausrc_channels 1',
    'auplay_channels 1',
    `snd_path ${directory}`,
    `ctrl_tcp_listen 127.0.0.1:${controlPort}`,
    '',
  ].join('\n');
}

function accountLine({ user, domain, password, proxy, transport = 'udp' }: PhoneAccount): string {
  return (
    `<sip:${user}@${domain};transport=${transport}>;auth_user=${user};auth_pass=${password}` +
    `;outbound="sip:${proxy};transport=${transport}";regint=60;audio_codecs=pcmu/8000/1`
  );
}

/** baresip opens its control port a little after it starts. */
async function connectWithRetry(port: number, child: Child): Promise<Socket> {
  const deadline = performance.now() + CONNECT_MS;
  for (;;) {
    const socket = await tryConnect(port);
    if (socket) return socket;
    if (performance.now() > deadline) {
      await child.stop();
      throw new Failure<BaresipFault>({ code: 'no-event' }, 'baresip did not open its control port within 5 s');
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

function tryConnect(port: number): Promise<Socket | undefined> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => resolve(socket));
    socket.once('error', () => resolve(undefined));
  });
}
