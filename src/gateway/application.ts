import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { Config } from '#config/schema.ts';
import { printHostPort } from '#config/values.ts';
import { ControlServer, controlPath } from '#gateway/control.ts';
import { answerControl } from '#gateway/control-commands.ts';
import { EnrollmentSide } from '#gateway/enrollment-side.ts';
import { EventHub } from '#gateway/events.ts';
import { LiveCalls } from '#gateway/live-calls.ts';
import { MemberSide } from '#gateway/member-side.ts';
import { reportTo } from '#gateway/mqtt-side.ts';
import { answerScreening, screeningRequest } from '#gateway/screening/screening-commands.ts';
import { describeCall, type Status } from '#gateway/status.ts';
import type { MqttCommand } from '#mqtt/command.ts';
import type { MqttReporter } from '#mqtt/reporter.ts';
import type { Clock } from '#platform/clock.ts';
import { messageOf } from '#platform/failure.ts';
import { type Logger, printable } from '#platform/log.ts';
import type { Random } from '#platform/random.ts';
import type { KeyValueStore } from '#store/key-value-store.ts';
import { openLmdbStore } from '#store/lmdb-store.ts';

export interface ApplicationDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  /** This program's own file, started again as the line emulator. */
  readonly program: string;
}

export interface ApplicationOptions {
  readonly config: Config;
  readonly stateDirectory: string;
}

/** Everything of one process: put together, started in order and stopped in the reverse order. */
export class Application {
  readonly events: EventHub;
  readonly calls: LiveCalls;
  readonly #deps: ApplicationDeps;
  readonly #options: ApplicationOptions;
  readonly #startedAt: number;
  readonly #loopDelay = monitorEventLoopDelay({ resolution: 20 });
  /** What to stop, the last one first. */
  readonly #closers: (readonly [name: string, close: () => Promise<void>])[] = [];
  #enrollment: EnrollmentSide | undefined;
  #member: MemberSide | undefined;
  #mqtt: MqttReporter | undefined;

  constructor(deps: ApplicationDeps, options: ApplicationOptions) {
    this.#deps = deps;
    this.#options = options;
    this.#startedAt = deps.clock.now();
    this.events = new EventHub(deps.log);
    this.calls = new LiveCalls({ clock: deps.clock, events: this.events });
  }

  get member(): MemberSide | undefined {
    return this.#member;
  }

  /** Rejects with the Failure of the part that could not start; what had started is stopped again. */
  async start(): Promise<void> {
    try {
      await this.#startParts();
    } catch (thrown) {
      await this.#close();
      throw thrown;
    }
    const { config } = this.#options;
    const { node, overlay, user, bootstrap, sip } = this.#member?.summary ?? {};
    this.events.emit({
      event: 'ready',
      overlay: overlay ?? this.#enrollment?.overlay ?? '',
      nodeId: node,
      user,
      roles: config.roles,
      bootstrap,
      sip,
      enrollment: this.#enrollment?.address,
    });
  }

  /** Hangs up, removes what was published, leaves the overlay and closes everything. Never rejects. */
  async stop(): Promise<void> {
    this.events.emit({ event: 'stopping' });
    await this.calls.hangUpAll('the gateway stops');
    await this.#close();
    this.events.emit({ event: 'stopped' });
  }

  status(): Status {
    const { config, stateDirectory } = this.#options;
    const now = this.#deps.clock.now();
    const member = this.#member;
    return {
      roles: config.roles,
      state: stateDirectory,
      uptimeSeconds: Math.round((now - this.#startedAt) / 1000),
      memoryMb: Math.round(process.memoryUsage.rss() / 104_857.6) / 10,
      // The monitor's own interval is part of what it measures.
      loopDelayP99Ms: Math.max(0, Math.round(this.#loopDelay.percentile(99) / 1e6) - 20),
      node: member?.nodeStatus,
      credentials: member?.credentials ?? [],
      bootstrap: member?.summary.bootstrap,
      enrollment: this.#enrollment?.address,
      sip: member?.summary.sip,
      lines: member?.lines ?? [],
      phones: member?.phones?.status ?? [],
      voiceMail: member?.voiceMail?.status,
      calls: this.calls.list.map((call) => describeCall(call, now)),
      mqtt: this.#mqtt && (this.#mqtt.connected ? 'connected' : 'not connected'),
    };
  }

  async #startParts(): Promise<void> {
    this.#loopDelay.enable();
    this.#closers.push(['monitor', async () => void this.#loopDelay.disable()]);
    const { config, stateDirectory } = this.#options;
    const store = await openLmdbStore(join(stateDirectory, 'db'));
    this.#closers.push(['store', () => store.close()]);
    await this.#startControl(stateDirectory);
    await this.#startMqtt(config);
    if (config.roles.includes('enrollment')) await this.#startEnrollment(config);
    if (config.roles.some((role) => role !== 'enrollment')) await this.#startMember(store);
  }

  async #startControl(stateDirectory: string): Promise<void> {
    const control = new ControlServer(controlPath(stateDirectory), (request) => answerControl(this, request));
    await control.start();
    this.#closers.push(['control', () => control.stop()]);
  }

  async #startMqtt({ mqtt, overlay, lines, voice_mail: voiceMail }: Config): Promise<void> {
    if (!mqtt) return;
    const { MqttReporter: Reporter } = await import('#mqtt/reporter.ts');
    const reporter = new Reporter(
      { logger: this.#deps.log.child('mqtt'), onCommand: (command) => this.#obey(command) },
      {
        url: mqtt.url,
        username: mqtt.username,
        password: mqtt.password,
        prefix: mqtt.prefix,
        id: mqtt.id ?? (overlay.name ?? 'gateway').replace(/[^0-9A-Za-z_-]/g, '_'),
        discovery: mqtt.discovery,
        discoveryPrefix: mqtt.discovery_prefix,
        commands: mqtt.commands,
        voiceMail: voiceMail.mailbox.length > 0,
        screening: lines.length > 0,
      },
    );
    this.#mqtt = reporter;
    const names = lines.map(({ name }) => name);
    this.events.on(reportTo(reporter, names));
    await reporter.start();
    this.#closers.push(['mqtt', () => reporter.stop()]);
  }

  /** A command from MQTT. */
  #obey(command: MqttCommand): void {
    if (command.command === 'hangup') this.calls.hangUpOrdinary('hung up by MQTT');
    else {
      const { log } = this.#deps;
      answerScreening(this.#member?.screened, screeningRequest(command)).then(
        () => log.info('list of callers changed by MQTT', { command: command.command }),
        (thrown) =>
          log.warn('command from MQTT refused', { command: command.command, reason: printable(messageOf(thrown)) }),
      );
    }
  }

  async #startEnrollment(config: Config): Promise<void> {
    const enrollment = new EnrollmentSide({ ...this.#deps, log: this.#deps.log.child('enrollment') });
    this.#closers.push(['enrollment', () => enrollment.stop()]);
    await enrollment.start(config.enrollment);
    this.#enrollment = enrollment;
    this.#deps.log.info('enrollment server', { at: printHostPort(config.enrollment.listen) });
  }

  async #startMember(store: KeyValueStore): Promise<void> {
    const member = new MemberSide({ ...this.#deps, events: this.events, calls: this.calls, store }, this.#options);
    this.#member = member;
    this.#closers.push(['member', () => member.stop()]);
    await member.start();
  }

  async #close(): Promise<void> {
    for (const [name, close] of this.#closers.splice(0).reverse()) {
      try {
        await close();
      } catch (thrown) {
        this.#deps.log.warn('not stopped cleanly', { part: name, reason: messageOf(thrown) });
      }
    }
  }
}
