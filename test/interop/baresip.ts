import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export const hasBaresip = spawnSync('baresip', ['-h'], { stdio: 'ignore' }).error === undefined;

const MODULES = ['/usr/lib/baresip/modules', '/usr/local/lib/baresip/modules'].find((path) => existsSync(path)) ?? '';

export interface BaresipOptions {
  readonly user: string;
  readonly password: string;
  readonly domain: string;
  /** The outbound proxy and registrar. */
  readonly proxy: { readonly host: string; readonly port: number };
  readonly transport: 'udp' | 'tcp';
}

interface BaresipEvent {
  readonly event?: boolean;
  readonly type?: string;
  readonly param?: string;
  readonly peeruri?: string;
}

/** An unmodified baresip, driven over its ctrl_tcp module. */
export class Baresip {
  readonly events: BaresipEvent[] = [];
  readonly #folder: string;
  readonly #process: ChildProcess;
  readonly #socket: Socket;
  #received = '';
  #output = '';
  #wake: () => void = () => {};

  constructor(folder: string, child: ChildProcess, socket: Socket) {
    this.#folder = folder;
    this.#process = child;
    this.#socket = socket;
    socket.on('data', (chunk) => this.#read(chunk.toString('latin1')));
    socket.on('error', () => {});
    for (const stream of [child.stdout, child.stderr]) {
      stream?.on('data', (chunk: Buffer) => {
        this.#output = (this.#output + chunk.toString()).slice(-20_000);
        this.#wake();
      });
    }
  }

  static async start(options: BaresipOptions): Promise<Baresip> {
    const folder = await mkdtemp(join(tmpdir(), 'copperring-baresip-'));
    const control = await freePort();
    await writeFiles(folder, options, { sip: await freePort(), control });
    const child = spawn('baresip', ['-f', folder], { stdio: ['ignore', 'pipe', 'pipe'] });
    return new Baresip(folder, child, await connected(control, child));
  }

  command(command: string, params = ''): void {
    const text = JSON.stringify({ command, params });
    this.#socket.write(`${text.length}:${text},`);
  }

  /** Waits until an event of that type has come. */
  event(type: string): Promise<BaresipEvent> {
    return this.#wait(type, () => this.events.find((event) => event.type === type));
  }

  /** Waits until it has printed `text`. Its first registration may come before anyone listens to events. */
  async said(text: string): Promise<void> {
    await this.#wait(text, () => this.#output.includes(text) || undefined);
  }

  async #wait<T>(what: string, find: () => T | undefined, ms = 20_000): Promise<T> {
    const late = Date.now() + ms;
    for (;;) {
      const found = find();
      if (found !== undefined) return found;
      if (Date.now() > late) throw new Error(`no ${what} within ${ms} ms; baresip said:\n${this.#output}`);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, 1000);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }

  async stop(): Promise<void> {
    const gone = new Promise((resolve) => this.#process.once('exit', resolve));
    if (this.#process.exitCode === null && this.#process.signalCode === null) {
      this.#process.kill('SIGTERM');
      const timer = setTimeout(() => this.#process.kill('SIGKILL'), 3000);
      await gone;
      clearTimeout(timer);
    }
    this.#socket.destroy();
    await rm(this.#folder, { recursive: true, force: true });
  }

  /** Netstrings of JSON. */
  #read(text: string): void {
    this.#received += text;
    for (;;) {
      const colon = this.#received.indexOf(':');
      const length = Number(this.#received.slice(0, Math.max(colon, 0)));
      if (colon < 0 || this.#received.length < colon + length + 2) break;
      this.events.push(JSON.parse(this.#received.slice(colon + 1, colon + 1 + length)));
      this.#received = this.#received.slice(colon + length + 2);
    }
    this.#wake();
  }
}

async function writeFiles(
  folder: string,
  options: BaresipOptions,
  ports: { sip: number; control: number },
): Promise<void> {
  const { user, password, domain, proxy, transport } = options;
  const sound = join(folder, 'silence.wav');
  await mkdir(folder, { recursive: true });
  await writeFile(sound, silence());
  const modules = ['g711', 'aufile', 'account', 'menu', 'ctrl_tcp'];
  const config = [
    `sip_listen 127.0.0.1:${ports.sip}`,
    `module_path ${MODULES}`,
    ...modules.map((name) => `${['account', 'menu', 'ctrl_tcp'].includes(name) ? 'module_app' : 'module'} ${name}.so`),
    `audio_source aufile,${sound}`,
    `audio_player aufile,${join(folder, 'heard.wav')}`,
    'ausrc_srate 8000',
    'auplay_srate 8000',
    'ausrc_channels 1',
    'auplay_channels 1',
    `ctrl_tcp_listen 127.0.0.1:${ports.control}`,
  ];
  const outbound = `sip:${proxy.host}:${proxy.port};transport=${transport}`;
  const account = `<sip:${user}@${domain};transport=${transport}>;auth_user=${user};auth_pass=${password};outbound="${outbound}";regint=60;audio_codecs=pcmu/8000/1`;
  await writeFile(join(folder, 'config'), `${config.join('\n')}\n`);
  await writeFile(join(folder, 'accounts'), `${account}\n`);
  await writeFile(join(folder, 'contacts'), '');
}

/** Ten seconds of silence as a WAV file. */
function silence(): Buffer {
  const length = 160_000;
  const header = Buffer.alloc(44);
  header.write('RIFF', 0);
  header.writeUInt32LE(36 + length, 4);
  header.write('WAVEfmt ', 8);
  header.writeUInt32LE(16, 16);
  header.writeUInt16LE(1, 20);
  header.writeUInt16LE(1, 22);
  header.writeUInt32LE(8000, 24);
  header.writeUInt32LE(16_000, 28);
  header.writeUInt16LE(2, 32);
  header.writeUInt16LE(16, 34);
  header.write('data', 36);
  header.writeUInt32LE(length, 40);
  return Buffer.concat([header, Buffer.alloc(length)]);
}

/** A port that was free a moment ago; two apart from others, because baresip takes the next one for TLS. */
function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen({ port: 0, host: '127.0.0.1' }, () => {
      const address = server.address();
      const port = address !== null && typeof address === 'object' ? address.port : 0;
      server.close(() => resolve(port));
    });
  });
}

/** Connects to ctrl_tcp once baresip listens there. */
async function connected(port: number, child: ChildProcess): Promise<Socket> {
  const late = Date.now() + 10_000;
  while (child.exitCode === null) {
    const socket = await new Promise<Socket | undefined>((resolve) => {
      const trying = connect({ host: '127.0.0.1', port });
      trying.once('connect', () => resolve(trying));
      trying.once('error', () => resolve(undefined));
    });
    if (socket !== undefined) return socket;
    if (Date.now() > late) break;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  child.kill('SIGKILL');
  throw new Error('baresip did not start');
}
