import type { MqttClient, Packet } from 'mqtt';
import { MAX_COMMAND, type MqttCommand, parseCommand } from '#mqtt/command.ts';
import { deviceDescription } from '#mqtt/home-assistant.ts';
import { type Logger, printable } from '#platform/log.ts';

export interface MqttOptions {
  readonly url: string;
  readonly username: string | undefined;
  readonly password: string | undefined;
  readonly prefix: string;
  /** Names this gateway among others under the prefix: letters, digits, - and _. */
  readonly id: string;
  readonly discovery: boolean;
  readonly discoveryPrefix: string;
  readonly commands: boolean;
  /** Whether there are mailboxes. */
  readonly voiceMail?: boolean;
  /** Whether there are lines to screen. */
  readonly screening?: boolean;
}

export interface LineReport {
  readonly state: string;
  /** False while the modem is missing. */
  readonly present: boolean;
  readonly emulated: boolean;
  readonly reason: string | null;
}

export interface CallReport {
  readonly state: 'idle' | 'ringing' | 'dialling' | 'active';
  readonly direction: 'to-line' | 'from-line' | null;
  readonly caller: string | null;
  readonly caller_name: string | null;
  readonly callee: string | null;
  readonly last_end: string | null;
  /** ITU-T Q.850 cause value of the last end. */
  readonly last_cause: number | null;
  /** How the answer became known. */
  readonly answer: 'inferred' | 'real' | null;
}

export interface CredentialsReport {
  readonly user: string;
  readonly state: 'valid' | 'failing' | 'ending' | 'expired' | 'not-yet-valid';
  /** When the certificate ends, in UTC (RFC 3339). */
  readonly not_after: string;
  readonly reason: string | null;
}

/** How many entries the lists of callers have, and how many numbers passed the challenge. */
export interface ScreeningReport {
  readonly allow: number;
  readonly block: number;
  readonly passed: number;
}

/** What all mailboxes hold together, and each of them. */
export interface VoiceMailReport {
  readonly new: number;
  readonly total: number;
  readonly mailboxes: Readonly<Record<string, { readonly new: number; readonly total: number }>>;
}

/** The kinds of `event_type` on the event topic. */
const EVENT_TYPES = [
  ...(['ring', 'dial', 'answered', 'ended', 'missed', 'refused', 'blocked'] as const),
  ...(['dtmf', 'call_waiting', 'telephone_lifted', 'telephone_put_down', 'flash'] as const),
  ...(['message', 'emergency'] as const),
] as const;

export interface EventReport {
  readonly event_type: (typeof EVENT_TYPES)[number];
  readonly [detail: string]: string | number | boolean | null;
}

/** Between two attempts to reach the broker. */
const RECONNECT_MS = 3000;

/**
 * Reports to an MQTT broker: availability with a last will, states retained, events not. Nothing is loaded before `start`.
 * A broker that is away is tried again; states are sent anew at each connection.
 */
export class MqttReporter {
  readonly #logger: Logger;
  readonly #options: MqttOptions;
  readonly #base: string;
  /** The latest state of each topic, for the next connection. */
  readonly #states = new Map<string, string>();
  readonly #onCommand: (command: MqttCommand) => void;
  #client: MqttClient | undefined;

  /** `onCommand` is called when commands are on. */
  constructor(
    deps: { readonly logger: Logger; readonly onCommand: (command: MqttCommand) => void },
    options: MqttOptions,
  ) {
    this.#logger = deps.logger;
    this.#onCommand = deps.onCommand;
    this.#options = options;
    this.#base = `${options.prefix}/${options.id}`;
  }

  get connected(): boolean {
    return this.#client?.connected ?? false;
  }

  /** Resolves at once; the connection comes when the broker does. */
  async start(): Promise<void> {
    const { connect } = await import('mqtt');
    const { url, username, password } = this.#options;
    const client = connect(url, {
      clientId: `copperring-${this.#options.id}`.slice(0, 64),
      reconnectPeriod: RECONNECT_MS,
      // States are kept here; old events are not worth sending late.
      queueQoSZero: false,
      will: { topic: this.#topic('availability'), payload: Buffer.from('offline'), qos: 1, retain: true },
      ...(username === undefined ? {} : { username }),
      ...(password === undefined ? {} : { password }),
    });
    this.#client = client;
    client.on('connect', () => this.#greet(client));
    client.on('packetsend', requireIdentifier);
    client.on('message', (topic, payload, { retain }) =>
      this.#received(topic, payload.subarray(0, MAX_COMMAND + 1).toString('latin1'), retain),
    );
    client.on('error', (error) => this.#logger.warn('broker', { error: printable(error.message) }));
    client.on('close', () => this.#logger.debug('not connected to the broker'));
  }

  /** The first line. */
  line(report: LineReport): void {
    this.#state('line', report);
  }

  /** Each line under its name. */
  namedLine(name: string, report: LineReport): void {
    this.#state(`line/${name}`, report);
  }

  call(report: CallReport): void {
    this.#state('call', report);
  }

  overlay(report: { readonly joined: boolean; readonly published: boolean; readonly node_id: string | null }): void {
    this.#state('overlay', report);
  }

  credentials(report: CredentialsReport): void {
    this.#state('credentials', report);
  }

  screening(report: ScreeningReport): void {
    this.#state('screening', report);
  }

  voiceMail(report: VoiceMailReport): void {
    this.#state('voicemail', report);
  }

  event(report: EventReport): void {
    if (this.connected) this.#client?.publish(this.#topic('event'), JSON.stringify(report), { qos: 0, retain: false });
  }

  /** Says goodbye and closes. */
  async stop(): Promise<void> {
    const client = this.#client;
    if (!client) return;
    this.#client = undefined;
    if (client.connected) {
      await new Promise<void>((resolve) => {
        const late = setTimeout(resolve, 1000);
        client.publish(this.#topic('availability'), 'offline', { qos: 1, retain: true }, () => {
          clearTimeout(late);
          resolve();
        });
      });
    }
    await client.endAsync(!client.connected);
  }

  #greet(client: MqttClient): void {
    this.#logger.info('connected to the broker');
    client.publish(this.#topic('availability'), 'online', { qos: 1, retain: true });
    for (const [topic, payload] of this.#states) client.publish(topic, payload, { qos: 1, retain: true });
    if (this.#options.discovery) {
      this.#describe(client);
      client.subscribe(`${this.#options.discoveryPrefix}/status`);
    }
    if (this.#options.commands) client.subscribe(this.#topic('command'));
  }

  #describe(client: MqttClient): void {
    const { discoveryPrefix, ...options } = this.#options;
    const description = deviceDescription({ ...options, base: this.#base, eventTypes: EVENT_TYPES });
    const topic = `${discoveryPrefix}/device/copperring_${options.id}/config`;
    client.publish(topic, JSON.stringify(description), { qos: 1, retain: true });
  }

  #received(topic: string, payload: string, isRetained: boolean): void {
    const client = this.#client;
    // Home Assistant asks for the description when it starts.
    if (client && topic === `${this.#options.discoveryPrefix}/status` && payload === 'online') this.#describe(client);
    if (!this.#options.commands || topic !== this.#topic('command')) return;
    // The broker would give it again at each connection (MQTT 3.1.1 §3.3.1.3), whenever it was meant.
    if (isRetained) {
      this.#logger.warn('retained command ignored', { command: printable(payload) });
      return;
    }
    const command = parseCommand(payload);
    if (command !== undefined) this.#onCommand(command);
    else this.#logger.warn('unknown command', { command: printable(payload) });
  }

  #state(name: string, report: object): void {
    const topic = this.#topic(name);
    const payload = JSON.stringify(report);
    if (this.#states.get(topic) === payload) return;
    this.#states.set(topic, payload);
    if (this.connected) this.#client?.publish(topic, payload, { qos: 1, retain: true });
  }

  #topic(name: string): string {
    return `${this.#base}/${name}`;
  }
}

/**
 * The package acknowledges even a packet whose identifier was cut off (it gives -1), and writing that would end the process. 0 is no packet's
 * identifier either, but can be written (MQTT 3.1.1 §2.3.1).
 */
function requireIdentifier(packet: Packet): void {
  const { messageId } = packet;
  const isAcknowledgement = packet.cmd === 'puback' || packet.cmd === 'pubrec' || packet.cmd === 'pubcomp';
  const isIdentifier = messageId !== undefined && messageId >= 0 && messageId <= 0xffff;
  if (isAcknowledgement && !isIdentifier) packet.messageId = 0;
}
