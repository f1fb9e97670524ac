import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { Child } from '#demo/child.ts';
import { freePort } from '#demo/free-port.ts';
import { prevailingTone } from '#demo/measure.ts';
import type { Phone, PhoneAccount } from '#demo/phone.ts';
import { ToneGenerator } from '#media/tones.ts';
import { writeWav } from '#media/wav.ts';
import { Failure } from '#platform/failure.ts';

const MODULE_PATHS = ['/usr/lib/baresip/modules', '/usr/local/lib/baresip/modules'];
const TONE_SECONDS = 120;
const COMMAND_TIMEOUT_MS = 3000;

interface BaresipEvent {
  readonly type: string;
  readonly peeruri?: string;
  readonly peerdisplayname?: string;
  readonly param?: string;
}

interface BaresipFault {
  readonly code: 'no-event' | 'refused';
}

/** Whether the program is installed; the demo then uses it as its unmodified SIP phone. */
export function baresipInstalled(): boolean {
  return !spawnSync('baresip', ['-h'], { stdio: 'ignore' }).error;
}

/** Starts baresip in a folder of its own. It is driven over its ctrl_tcp module: netstrings of JSON. */
export async function startBaresip(directory: string, account: PhoneAccount, toneHz: number): Promise<Phone> {
  const controlPort = await freePort();
  mkdirSync(directory, { recursive: true });
  writeFileSync(join(directory, 'tone.wav'), writeWav(new ToneGenerator([toneHz]).nextLinear(TONE_SECONDS * 8000)));
  writeFileSync(join(directory, 'config'), configuration(directory, controlPort));
  writeFileSync(join(directory, 'accounts'), `${accountLine(account)}\n`);
  writeFileSync(join(directory, 'contacts'), '');
  const child = new Child('baresip', 'baresip', ['-f', directory]);
  const socket = await connectWithRetry(controlPort, child);
  return new Baresip(child, socket, directory, account);
}

class Baresip implements Phone {
  readonly program = 'baresip';
  readonly #child: Child;
  readonly #socket: Socket;
  readonly #directory: string;
  readonly #account: PhoneAccount;
  readonly #events: BaresipEvent[] = [];
  readonly #listeners = new Set<() => void>();
  #pending = Buffer.alloc(0);
  #callMark = 0;

  constructor(child: Child, socket: Socket, directory: string, account: PhoneAccount) {
    this.#child = child;
    this.#socket = socket;
    this.#directory = directory;
    this.#account = account;
    socket.on('data', (bytes) => this.#received(bytes));
    socket.on('error', () => {});
  }

  async dial(number: string, timeoutMs: number): Promise<void> {
    this.#callMark = this.#events.length;
    this.#command('dial', `sip:${number}@${this.#account.domain}`);
    await this.#event('CALL_ESTABLISHED', timeoutMs, this.#callMark, 'CALL_CLOSED');
  }

  async rings(timeoutMs: number): Promise<{ readonly callerId: string }> {
    this.#callMark = this.#events.length;
    const event = await this.#event('CALL_INCOMING', timeoutMs, this.#callMark);
    return { callerId: /^sip:([^@;>]*)@/.exec(event.peeruri ?? '')?.[1] ?? event.peeruri ?? '' };
  }

  async answer(timeoutMs: number): Promise<void> {
    this.#command('accept');
    await this.#event('CALL_ESTABLISHED', timeoutMs, this.#callMark, 'CALL_CLOSED');
  }

  async sendDigits(digits: string): Promise<void> {
    for (const digit of digits) {
      this.#command('sndcode', digit);
      await new Promise((resolve) => setTimeout(resolve, 160));
      this.#command('sndcode', '\u0004');
      await new Promise((resolve) => setTimeout(resolve, 120));
    }
  }

  async hangUp(): Promise<void> {
    this.#command('hangup');
    await this.callEnded(COMMAND_TIMEOUT_MS);
  }

  async callEnded(timeoutMs: number): Promise<void> {
    await this.#event('CALL_CLOSED', timeoutMs, this.#callMark);
  }

  measure(): Promise<{ readonly sentHz: number; readonly heardHz: number }> {
    return Promise.resolve({ sentHz: this.#measured('-enc.wav'), heardHz: this.#measured('-dec.wav') });
  }

  async stop(): Promise<void> {
    this.#socket.destroy();
    await this.#child.stop();
  }

  #measured(suffix: string): number {
    const newest = readdirSync(this.#directory)
      .filter((name) => name.endsWith(suffix))
      .sort()
      .at(-1);
    if (newest === undefined) return 0;
    return prevailingTone(readFileSync(join(this.#directory, newest)));
  }

  #command(command: string, params = ''): void {
    const json = JSON.stringify({ command, params });
    this.#socket.write(`${Buffer.byteLength(json)}:${json},`);
  }

  #event(type: string, timeoutMs: number, since: number, fatal?: string): Promise<BaresipEvent> {
    return new Promise((resolve, reject) => {
      const fail = (code: BaresipFault['code'], what: string) => {
        finish();
        reject(new Failure<BaresipFault>({ code }, what));
      };
      const check = () => {
        const found = this.#events.slice(since).find((event) => event.type === type || event.type === fatal);
        if (!found) return;
        if (found.type === fatal)
          return fail('refused', `baresip: the call ended instead (${found.param ?? 'no reason'})`);
        finish();
        resolve(found);
      };
      const timer = setTimeout(
        () => fail('no-event', `baresip reported no ${type} within ${timeoutMs} ms, only ${this.#seen(since)}`),
        timeoutMs,
      );
      const finish = () => {
        clearTimeout(timer);
        this.#listeners.delete(check);
      };
      this.#listeners.add(check);
      check();
    });
  }

  #seen(since: number): string {
    const types = this.#events.slice(since).map((event) => `${event.type}${event.param ? ` (${event.param})` : ''}`);
    return types.length > 0 ? types.join(', ') : 'nothing';
  }

  #received(bytes: Buffer): void {
    this.#pending = Buffer.concat([this.#pending, bytes]);
    for (;;) {
      const colon = this.#pending.indexOf(':');
      const length = colon > 0 ? Number(this.#pending.subarray(0, colon).toString('latin1')) : Number.NaN;
      if (!Number.isInteger(length) || this.#pending.length < colon + 1 + length + 1) return;
      const json = this.#pending.subarray(colon + 1, colon + 1 + length).toString('utf8');
      this.#pending = this.#pending.subarray(colon + length + 2);
      const message = JSON.parse(json) as { event?: boolean } & BaresipEvent;
      if (message.event !== true) continue;
      this.#events.push(message);
      for (const listener of this.#listeners) listener();
    }
  }
}

function configuration(directory: string, controlPort: number): string {
  const modulePath = MODULE_PATHS.find((path) => directoryExists(path)) ?? MODULE_PATHS[0];
  const modules = ['g711', 'aufile', 'account', 'menu', 'ctrl_tcp', 'sndfile'];
  return [
    'sip_listen 127.0.0.1:0',
    'net_interface 127.0.0.1',
    `module_path ${modulePath}`,
    ...modules.map((name) => `module ${name}.so`),
    `audio_source aufile,${join(directory, 'tone.wav')}`,
    `audio_player aufile,${join(directory, 'heard.wav')}`,
    'audio_alert aufile,/nonexistent',
    'ausrc_srate 8000',
    'auplay_srate 8000',
    'ausrc_channels 1',
    'auplay_channels 1',
    `snd_path ${directory}`,
    `ctrl_tcp_listen 127.0.0.1:${controlPort}`,
    '',
  ].join('\n');
}

function accountLine(account: PhoneAccount): string {
  return (
    `<sip:${account.user}@${account.domain};transport=udp>;auth_user=${account.user};auth_pass=${account.password}` +
    `;outbound="sip:${account.proxy}";regint=60;audio_codecs=pcmu/8000/1`
  );
}

function directoryExists(path: string): boolean {
  try {
    readdirSync(path);
    return true;
  } catch {
    return false;
  }
}

/** baresip opens its control port a little after it starts. */
async function connectWithRetry(port: number, child: Child): Promise<Socket> {
  const deadline = performance.now() + 5000;
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
