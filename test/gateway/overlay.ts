import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { enrollMember } from '#cli/enroll.ts';
import { createOverlay } from '#cli/overlay-create.ts';
import { addOverlayUser } from '#cli/overlay-user.ts';
import { loadConfig } from '#config/load.ts';
import type { ConfigInput } from '#config/schema.ts';
import { Application } from '#gateway/application.ts';
import { accountsDirectory } from '#gateway/own-overlay.ts';
import { systemClock } from '#platform/clock.ts';
import { silentLogger } from '#platform/log.ts';
import { systemRandom } from '#platform/random.ts';
import { LineEmulator } from '#pstn/emulator/client.ts';
import { openLmdbStore } from '#store/lmdb-store.ts';
import { Events } from './events.ts';
import { TestPhone } from './phone.ts';

const program = resolve('dist/copperring.mjs');
const deps = { clock: systemClock, random: systemRandom, log: silentLogger, program };

/** Of every user. */
export const PASSWORD = 'correct-horse';

interface Running {
  readonly application: Application;
  readonly events: Events;
}

/** An overlay on loopback: enrollment server, a first peer, and what the test adds, each an application of its own. */
export class TestOverlay {
  readonly running: Running[] = [];
  readonly #name: string;
  readonly #phones: TestPhone[] = [];
  readonly #emulators: LineEmulator[] = [];
  #directory = '';
  #invitation = '';

  constructor(name: string) {
    this.#name = name;
  }

  /** Where everything of this overlay lies: `authority`, and a state directory for each node by its name. */
  get directory(): string {
    return this.#directory;
  }

  get invitation(): string {
    return this.#invitation;
  }

  /** Founds the overlay, lets the users enroll, and starts enrollment server and first peer. */
  async create(users: readonly string[]): Promise<void> {
    this.#directory = await mkdtemp(join(tmpdir(), 'copperring-overlay-'));
    const authority = join(this.#directory, 'authority');
    const [enrollmentPort, bootstrapPort] = [await freePort(), await freePort()];
    const bootstrap = `127.0.0.1:${bootstrapPort}`;
    const print = (line: string) => {
      this.#invitation = line;
    };
    await createOverlay(
      { ...deps, print },
      { name: this.#name, out: authority, hosts: ['127.0.0.1'], port: enrollmentPort, bootstrap: [bootstrap] },
    );
    const store = await openLmdbStore(accountsDirectory(authority));
    for (const user of [`peer@${this.#name}`, ...users]) {
      await addOverlayUser({ store, random: systemRandom, print: () => {} }, { user, password: PASSWORD });
    }
    await store.close();
    const listen = `127.0.0.1:${enrollmentPort}`;
    await this.#start('enrollment', { roles: ['enrollment'], enrollment: { listen, directory: authority } });
    await this.run('peer', `peer@${this.#name}`, {
      roles: ['peer', 'bootstrap'],
      overlay: { listen: bootstrap, found: true },
    });
  }

  /** Enrolls a node and starts it. */
  async run(name: string, user: string, config: ConfigInput): Promise<Running> {
    const out = join(this.#directory, name, 'identity');
    const enrolling = { ...deps, print: () => {}, resolveSrv: async () => [] };
    await enrollMember(enrolling, { user, password: PASSWORD, invitation: this.#invitation, out });
    const overlay = { listen: '127.0.0.1:0', ...config.overlay, loopback: true };
    return this.#start(name, { ...config, overlay });
  }

  /** A proxy with one phone, registered and published. */
  async phone(name: string, node: string, user: string): Promise<TestPhone> {
    const phones = [{ user, password: PASSWORD }];
    const proxy = await this.run(name, node, { roles: ['peer', 'proxy'], phones, sip: { listen: '127.0.0.1:0' } });
    const phone = new TestPhone({ user, password: PASSWORD, proxy: proxy.application.status().sip ?? '' });
    this.#phones.push(phone);
    await phone.register();
    await proxy.events.until((event) => event.event === 'registration' && event.state === 'published');
    return phone;
  }

  /** A line whose device keeps its name when it is unplugged and put back. */
  async emulator(name: string): Promise<LineEmulator> {
    const emulator = await LineEmulator.start(deps, { program, country: 'DE', link: join(this.#directory, name) });
    this.#emulators.push(emulator);
    return emulator;
  }

  async stop(): Promise<void> {
    for (const phone of this.#phones) await phone.stop();
    for (const { application } of this.running.reverse()) await application.stop();
    for (const emulator of this.#emulators) await emulator.stop();
    await rm(this.#directory, { recursive: true });
  }

  async #start(name: string, config: ConfigInput): Promise<Running> {
    const options = { config: await loadConfig(undefined, {}, config), stateDirectory: join(this.#directory, name) };
    const application = new Application(deps, options);
    const events = new Events();
    application.events.on(events.listen);
    await application.start();
    const started = { application, events };
    this.running.push(started);
    return started;
  }
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const address = server.address();
  await new Promise((done) => server.close(done));
  return typeof address === 'object' && address ? address.port : 0;
}
