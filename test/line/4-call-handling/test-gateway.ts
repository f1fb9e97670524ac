// Loaded here, since time goes on while it is loaded at the first number.
import 'libphonenumber-js';
import { checkConfig } from '#config/check.ts';
import type { ConfigInput } from '#config/schema.ts';
import { type Accounting, createAccounting, dialledContext, poolOf } from '#gateway/accounting.ts';
import type { CallRecords } from '#gateway/call-records.ts';
import { CallsSide, type CallsSideDeps } from '#gateway/calls-side.ts';
import { EventHub, type GatewayEvent } from '#gateway/events.ts';
import type { LineDesk } from '#gateway/line-desk.ts';
import { LiveCalls } from '#gateway/live-calls.ts';
import { type LogFields, type Logger, silentLogger } from '#platform/log.ts';
import { systemRandom } from '#platform/random.ts';
import { SipStack } from '#sip/sip-stack.ts';
import type { Call, CallOptions, IncomingCall, SipTarget } from '#sip/ua/call-engine.ts';
import { memoryStore } from '#store/memory-store.ts';
import type { SimulatedLine } from '../../pstn/simulated-line.ts';
import { VirtualClock } from '../../simulation/virtual-clock.ts';
import { streamPair } from '../../sip/support.ts';
import { FakeLine } from './fake-line.ts';
import { FakeMedia } from './fake-media.ts';

const GATEWAY = { name: 'gw1@pstn.home.example', node: 'gateway' };
const PSTN_DOMAIN = 'pstn.home.example';

/** A SIP user agent at the other end of an overlay connection, with the real SIP stack. */
export class TestPhone {
  readonly user: string;
  readonly stack: SipStack;
  readonly incoming: IncomingCall[] = [];
  readonly medias: FakeMedia[] = [];
  readonly #toGateway: SipTarget;

  constructor(clock: VirtualClock, gateway: SipStack, user: string) {
    this.user = user;
    this.stack = sipStack(clock, this.medias);
    const [near, far] = streamPair({ name: user, node: user }, GATEWAY);
    gateway.attachStream(far);
    this.#toGateway = { transport: 'stream', stream: near };
    this.stack.engine.onIncoming((call) => {
      this.incoming.push(call);
      call.ring();
    });
  }

  /** A way from the gateway to this phone. */
  reach(): SipTarget {
    const [near, far] = streamPair(GATEWAY, { name: this.user, node: this.user });
    this.stack.attachStream(far);
    return { transport: 'stream', stream: near };
  }

  call(to: string, options: Partial<CallOptions> = {}): Promise<Call> {
    const requestUri = `sip:${to}@${PSTN_DOMAIN};user=phone`;
    const from = `sip:${this.user}`;
    return this.stack.engine.call({ target: this.#toGateway, requestUri, from, to: requestUri, ...options });
  }
}

/** The gateway's call scenarios with their real SIP stack, over lines whose far ends the test plays, on a virtual clock. */
export class TestGateway {
  readonly clock: VirtualClock;
  readonly startedAt: number;
  readonly events: GatewayEvent[] = [];
  /** Everything logged at any level, as JSON lines. */
  readonly logged: string[] = [];
  readonly lines: readonly FakeLine[];
  readonly desks: readonly LineDesk[];
  readonly calls: LiveCalls;
  readonly accounting: Accounting;
  readonly records: CallRecords;
  /** The gateway's own ends of the calls, in the order of their making. */
  readonly medias: FakeMedia[] = [];
  readonly #stack: SipStack;
  readonly #phones = new Map<string, TestPhone>();

  /** `real`: the first line is this one, driver and emulated modem. */
  constructor(input: Partial<ConfigInput>, deps: Partial<CallsSideDeps> = {}, real?: SimulatedLine) {
    const line = (Array.isArray(input.line) ? input.line : []).map((own) => ({ country: 'DE', ...own }));
    const checked = checkConfig({ roles: ['peer', 'gateway'], ...input, line });
    if (!('config' in checked)) throw new Error(JSON.stringify(checked.problems));
    const clock = real?.clock ?? new VirtualClock();
    this.clock = clock;
    this.startedAt = clock.now();
    const { config } = checked;
    const { lines, dial_plan: dialPlan } = config;
    const log = keepingLogger(this.logged);
    const events = new EventHub(log);
    events.on((event) => this.events.push(event));
    this.calls = new LiveCalls({ clock, events });
    const accounting = createAccounting({ clock, random: systemRandom, log, store: memoryStore() }, config);
    this.accounting = accounting;
    this.records = accounting.records;
    this.lines = lines.map(({ name }) => new FakeLine(name, clock));
    const opened = lines.map((line, i) => ({
      config: line,
      line: (i === 0 ? real?.line : undefined) ?? this.lines[i]!,
      close: async () => {},
    }));
    const pool = poolOf(opened, accounting.budgets, dialPlan);
    this.desks = pool.desks;
    this.#stack = sipStack(clock, this.medias);
    const locate = async (aor: string) => {
      const phone = this.#phones.get(aor);
      return phone ? [{ requestUri: `sip:${aor}`, open: async () => phone.reach() }] : [];
    };
    const { calls } = this;
    const { emergency_clears_line: clearsLine } = dialPlan;
    const side = new CallsSide(
      { clock, log, lines: pool, calls, ...accounting, clearsLine, engine: this.#stack.engine, locate, ...deps },
      dialledContext(config, { overlay: 'home.example', pstnDomain: PSTN_DOMAIN }),
    );
    side.serve();
    for (const desk of this.desks) {
      desk.line.observe({ status: () => {}, ring: (ring) => void side.ring(desk, ring) });
    }
  }

  get line(): FakeLine {
    return this.lines[0]!;
  }

  phone(user: string): TestPhone {
    const phone = new TestPhone(this.clock, this.#stack, user);
    this.#phones.set(user, phone);
    return phone;
  }

  /** Lets time pass until there is one. */
  async until<T>(find: () => T | undefined, limitMs = 600_000): Promise<T> {
    await this.clock.runUntil(() => find() !== undefined, limitMs);
    return find()!;
  }

  /** The same for work that takes real time, such as hashing: virtual time goes on a little at a time. */
  async hold<T>(find: () => T | undefined): Promise<T> {
    for (let i = 0; i < 1000; i++) {
      const found = find();
      if (found !== undefined) return found;
      await new Promise((resolve) => setTimeout(resolve, 5));
      await this.clock.advance(5);
    }
    throw new Error('it did not come about');
  }

  /** The latest state told of a call. */
  lastCall() {
    return this.events.findLast((event) => event.event === 'call');
  }

  /** All records, the latest end first. */
  async ended() {
    const { calls } = await this.records.find({ count: 100 });
    return calls.toSorted((a, b) => b.endedAt - a.endedAt);
  }

  /** Waits for the end of all calls; gives the latest record. */
  async over() {
    await this.clock.runUntil(() => this.calls.list.length === 0);
    return (await this.ended())[0];
  }
}

function sipStack(clock: VirtualClock, medias: FakeMedia[]): SipStack {
  const createMedia = async () => {
    const media = new FakeMedia();
    medias.push(media);
    return media;
  };
  return new SipStack(
    { clock, random: systemRandom, log: silentLogger, createMedia },
    { transport: { overlayDomain: 'home.example' } },
  );
}

function keepingLogger(logged: string[]): Logger {
  const keep = (level: string) => (message: string, fields?: LogFields) => {
    logged.push(JSON.stringify({ level, message, ...fields }));
  };
  const logger: Logger = {
    child: () => logger,
    debug: keep('debug'),
    info: keep('info'),
    warn: keep('warn'),
    error: keep('error'),
  };
  return logger;
}
