import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startBaresip } from '#demo/baresip.ts';
import { baresipInstalled } from '#demo/baresip-process.ts';
import { Child } from '#demo/child.ts';
import { type Draw, LINE_COUNTRY, SERVED_PREFIX } from '#demo/draw.ts';
import { freePort } from '#demo/free-port.ts';
import { DemoOverlay } from '#demo/members.ts';
import * as configuration from '#demo/node-configuration.ts';
import { startOwnPhone } from '#demo/own-phone.ts';
import type { Phone } from '#demo/phone.ts';
import { userBetween } from '#demo/ring.ts';
import { controlPath, controlRequest } from '#gateway/control.ts';
import { toHex } from '#platform/bytes.ts';
import { systemClock } from '#platform/clock.ts';
import { type Random, systemRandom } from '#platform/random.ts';
import { LineEmulator } from '#pstn/emulator/client.ts';

const OVERLAY = 'demo.example';
const PLAIN_PEERS = ['peer1', 'peer2', 'peer3', 'peer4'] as const;
const READY_MS = 20_000;

/** One process of the overlay. */
export interface Member {
  readonly name: string;
  readonly nodeId: string;
  readonly state: string;
  /** Neither gateway nor proxy: may be lost in the middle of a call. */
  readonly plain: boolean;
  child: Child;
}

export interface SceneDeps {
  readonly program: string;
  readonly random: Random;
  progress(what: string): void;
}

/** RFC 7890 figure 1 out of separate processes: enrollment server, plain peers, gateway, proxy, client, a line and a phone. */
export class Scene {
  readonly #deps: SceneDeps;
  readonly #draw: Draw;
  readonly #directory = mkdtempSync(join(tmpdir(), 'copperring-demo-'));
  readonly #overlay: DemoOverlay;
  readonly #children: Child[] = [];
  readonly #password = toHex(systemRandom.bytes(8));
  readonly members = new Map<string, Member>();
  /** Where the plain peers take newcomers: the bootstrap nodes of the configuration document. */
  readonly #bootstrap = new Map<string, string>();
  #user = '';
  #line: LineEmulator | undefined;
  #phone: Phone | undefined;
  #building: Promise<void> = Promise.resolve();
  #ended = false;

  constructor(deps: SceneDeps, draw: Draw) {
    this.#deps = deps;
    this.#draw = draw;
    const directory = join(this.#directory, 'overlay');
    this.#overlay = new DemoOverlay(deps.program, { name: OVERLAY, directory, password: this.#password });
  }

  /** The AOR of the phone. */
  get callee(): string {
    return `${this.#user}@${OVERLAY}`;
  }

  get line(): LineEmulator {
    if (!this.#line) throw new Error('the line is not there yet');
    return this.#line;
  }

  get phone(): Phone {
    if (!this.#phone) throw new Error('the phone is not there yet');
    return this.#phone;
  }

  member(name: string): Member {
    const member = this.members.get(name);
    if (!member) throw new Error(`there is no ${name}`);
    return member;
  }

  /** Members of the ring: the client is none. */
  get ring(): readonly Member[] {
    return [...this.members.values()].filter(({ name }) => name !== 'client');
  }

  build(): Promise<void> {
    this.#building = this.#build();
    return this.#building;
  }

  /** Asks a member's process over its control socket. */
  ask(member: Member, request: object): Promise<unknown> {
    return controlRequest(controlPath(member.state), request);
  }

  /** Starts the process of a member again, on the state it left. */
  async restart(member: Member): Promise<void> {
    member.child = this.#run(member.name);
    await member.child.event('ready', READY_MS);
  }

  /** Ends every process. The folder with their logs and states stays when `keep` is set; gives its path. */
  async end(keep: boolean): Promise<string> {
    this.#ended = true;
    await this.#stopAll();
    // Broken off while it was built: what was being started then has to go as well.
    await this.#building.catch(() => {});
    await this.#stopAll();
    if (!keep) rmSync(this.#directory, { recursive: true, force: true });
    return this.#directory;
  }

  async #build(): Promise<void> {
    const { progress } = this.#deps;
    progress('founding an overlay and its enrollment server');
    await this.#startEnrollment();
    progress('enrolling four peers, a gateway, a proxy and a client');
    const nodeIds = await this.#enroll();
    this.#user = userBetween(
      OVERLAY,
      [...nodeIds].map(([name, nodeId]) => ({ nodeId, plain: isPlain(name) })).filter((_, i) => i < nodeIds.size - 1),
    );
    progress('starting the line, the peers, the gateway, the proxy and the client');
    await allDone([this.#overlay.addUser(this.callee), this.#startLine(), this.#startPeers(nodeIds)]);
    await allDone([
      this.#startMember('gateway', nodeIds),
      this.#startMember('proxy', nodeIds),
      this.#startMember('client', nodeIds),
    ]);
    await this.member('gateway').child.event('published', READY_MS);
    progress('registering the phone');
    await this.#startPhone();
  }

  #goOn(): void {
    if (this.#ended) throw new Error('the demo was broken off');
  }

  async #stopAll(): Promise<void> {
    await this.#phone?.stop();
    await Promise.all(this.#children.toReversed().map((child) => child.stop()));
    await this.#line?.stop();
  }

  async #startEnrollment(): Promise<void> {
    const port = await freePort();
    for (const name of PLAIN_PEERS) this.#bootstrap.set(name, `127.0.0.1:${await freePort()}`);
    await this.#overlay.create(port, [...this.#bootstrap.values()]);
    const state = this.#stateOf('enrollment');
    this.#configure('enrollment', configuration.enrollmentToml(state, this.#overlay.directory, port));
    await this.#run('enrollment').event('ready', READY_MS);
  }

  /** Node-IDs by member, the client last. */
  async #enroll(): Promise<ReadonlyMap<string, string>> {
    const names = [...PLAIN_PEERS, 'gateway', 'proxy', 'client'];
    const enrolled = await inPairs(names, async (name) => {
      this.#goOn();
      const user = name === 'gateway' ? `gw1@pstn.${OVERLAY}` : `${name}@${OVERLAY}`;
      await this.#overlay.addUser(user);
      return [name, await this.#overlay.enroll(user, join(this.#stateOf(name), 'identity'))] as const;
    });
    return new Map(enrolled);
  }

  /** One after the other: each is a bootstrap node, and is to lead the next one into the ring. */
  async #startPeers(nodeIds: ReadonlyMap<string, string>): Promise<void> {
    for (const name of PLAIN_PEERS) await this.#startMember(name, nodeIds);
  }

  async #startMember(name: string, nodeIds: ReadonlyMap<string, string>): Promise<void> {
    const state = this.#stateOf(name);
    this.#configure(name, this.#tomlOf(name, state));
    const child = this.#run(name);
    await child.event('ready', READY_MS);
    this.members.set(name, { name, nodeId: nodeIds.get(name) ?? '', state, plain: isPlain(name), child });
  }

  #tomlOf(name: string, state: string): string {
    const listen = this.#bootstrap.get(name) ?? '127.0.0.1:0';
    const place = { overlay: OVERLAY, state, listen, found: name === PLAIN_PEERS[0] };
    switch (name) {
      case 'gateway':
        return configuration.gatewayToml(place, { device: this.#device, rings: this.callee, serves: SERVED_PREFIX });
      case 'proxy':
        return configuration.proxyToml(place, { user: this.callee, password: this.#password });
      case 'client':
        return configuration.clientToml(place);
      default:
        return configuration.peerToml(place);
    }
  }

  async #startLine(): Promise<void> {
    this.#line = await LineEmulator.start(
      { clock: systemClock },
      { program: this.#deps.program, country: LINE_COUNTRY, link: this.#device },
    );
  }

  async #startPhone(): Promise<void> {
    const proxy = this.member('proxy').child;
    const { sip } = await proxy.event('ready', READY_MS);
    const account = { user: this.#user, domain: OVERLAY, password: this.#password, proxy: String(sip) };
    const directory = join(this.#directory, 'phone');
    const start = baresipInstalled() ? startBaresip : startOwnPhone.bind(undefined, this.#deps.program);
    this.#phone = await start(directory, account, this.#draw.phoneHz);
    await proxy.event((event) => event.event === 'registration' && event.state === 'published', READY_MS);
  }

  get #device(): string {
    return join(this.#directory, 'modem');
  }

  #stateOf(name: string): string {
    return join(this.#directory, name);
  }

  #configure(name: string, toml: string): void {
    mkdirSync(this.#stateOf(name), { recursive: true });
    writeFileSync(this.#configurationOf(name), toml, { mode: 0o600 });
  }

  #configurationOf(name: string): string {
    return join(this.#directory, `${name}.toml`);
  }

  #run(name: string): Child {
    this.#goOn();
    const args = [this.#deps.program, 'run', '--config', this.#configurationOf(name), '--json-events'];
    const child = new Child(name, process.execPath, args, { log: join(this.#directory, `${name}.log`) });
    this.#children.push(child);
    return child;
  }
}

function isPlain(name: string): boolean {
  return PLAIN_PEERS.some((plain) => plain === name);
}

/** Two at a time: each is a process of its own, and there may be two cores only. */
async function inPairs<Item, Result>(items: readonly Item[], work: (item: Item) => Promise<Result>): Promise<Result[]> {
  const results: Result[] = [];
  const queue = [...items.entries()];
  const worker = async () => {
    for (let next = queue.shift(); next; next = queue.shift()) results[next[0]] = await work(next[1]);
  };
  await allDone([worker(), worker()]);
  return results;
}

/** Waits for all, also when one fails: whoever cleans up then finds nothing still on its way. */
async function allDone(tasks: readonly Promise<unknown>[]): Promise<void> {
  const failed = (await Promise.allSettled(tasks)).find((result) => result.status === 'rejected');
  if (failed) throw failed.reason;
}
