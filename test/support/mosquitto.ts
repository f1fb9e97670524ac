import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, type MqttClient } from 'mqtt';

const program = ['/usr/sbin/mosquitto', 'mosquitto'].find((path) => !spawnSync(path, ['-h']).error);

/** Without the broker a suite is skipped, loudly, and fails in CI. */
export const mosquittoMissing = program === undefined && process.env.CI !== 'true';
if (mosquittoMissing) console.warn('SKIPPED: mosquitto is not installed (apt-get install mosquitto)');

/** A mosquitto of the test's own, on a port that the system chose. */
export class Broker {
  readonly port: number;
  readonly #directory: string;
  #process: ChildProcess | undefined;

  private constructor(port: number, directory: string) {
    this.port = port;
    this.#directory = directory;
  }

  static async start(): Promise<Broker> {
    const broker = new Broker(await freePort(), await mkdtemp(join(tmpdir(), 'copperring-mqtt-')));
    await broker.start();
    return broker;
  }

  get url(): string {
    return `mqtt://127.0.0.1:${this.port}`;
  }

  /** Again, after `stop`, on the same port. */
  async start(): Promise<void> {
    const config = join(this.#directory, 'mosquitto.conf');
    await writeFile(
      config,
      `listener ${this.port} 127.0.0.1\nallow_anonymous true\npersistence false\nlog_dest stderr\nlog_type all\n`,
    );
    const broker = spawn(program ?? 'mosquitto', ['-c', config], { stdio: ['ignore', 'ignore', 'pipe'] });
    this.#process = broker;
    await new Promise<void>((resolve, reject) => {
      broker.once('error', reject);
      broker.once('exit', () => reject(new Error('mosquitto ended')));
      broker.stderr?.on('data', (chunk: Buffer) => {
        if (chunk.toString().includes('running')) resolve();
      });
    });
  }

  async stop(): Promise<void> {
    const broker = this.#process;
    this.#process = undefined;
    if (broker === undefined) return;
    broker.removeAllListeners('exit');
    const gone = once(broker, 'exit');
    broker.kill();
    await gone;
  }

  async remove(): Promise<void> {
    await this.stop();
    await rm(this.#directory, { recursive: true });
  }
}

/** An independent look at what the broker holds and passes on. */
export class Watcher {
  readonly client: MqttClient;
  readonly seen: { topic: string; payload: string; retain: boolean }[] = [];
  #wake: () => void = () => {};

  constructor(url: string) {
    this.client = connect(url);
    this.client.on('message', (topic, payload, packet) => {
      this.seen.push({ topic, payload: payload.toString(), retain: packet.retain });
      this.#wake();
    });
  }

  async ready(): Promise<this> {
    await this.client.subscribeAsync('#');
    return this;
  }

  async until(topic: string, matches: (payload: string) => boolean): Promise<string> {
    for (;;) {
      const found = this.seen.find((message) => message.topic === topic && matches(message.payload));
      if (found) return found.payload;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  return typeof address === 'object' && address ? address.port : 0;
}
