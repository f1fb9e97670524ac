import { join } from 'node:path';
import type { Config } from '#config/schema.ts';
import { printHostPort } from '#config/values.ts';
import { type Accounting, createAccounting, dialledContext, poolOf } from '#gateway/accounting.ts';
import type { CallPage, CallQuery } from '#gateway/call-query.ts';
import { CallsSide } from '#gateway/calls-side.ts';
import { Credentials } from '#gateway/credentials.ts';
import type { DialledContext } from '#gateway/dialled.ts';
import type { EventHub } from '#gateway/events.ts';
import type { LinePool } from '#gateway/line-pool.ts';
import { LineSide } from '#gateway/line-side.ts';
import type { LiveCalls } from '#gateway/live-calls.ts';
import { nodeOptions } from '#gateway/node-options.ts';
import { type OpenedLine, openLines } from '#gateway/open-line.ts';
import { type Discovery, OverlaySide } from '#gateway/overlay-side.ts';
import { PeerStreams } from '#gateway/peer-streams.ts';
import { PhoneHosts } from '#gateway/phone-hosts.ts';
import { type PlaceCallOptions, type PlacedCall, placeCall } from '#gateway/place-call.ts';
import { GatewayRouter } from '#gateway/router.ts';
import type { CallerScreening } from '#gateway/screening/caller-screening.ts';
import type { Screened } from '#gateway/screening/screening-commands.ts';
import { type ScreeningCounts, ScreeningSide } from '#gateway/screening/screening-side.ts';
import { createSip, listenForPhones } from '#gateway/sip-side.ts';
import type { Status } from '#gateway/status.ts';
import { readToldNumber } from '#gateway/told-number.ts';
import { MailboxRoutes } from '#gateway/voice-mail/mailbox-routes.ts';
import { VoiceMailSide } from '#gateway/voice-mail/voice-mail-side.ts';
import type { Clock, Timer } from '#platform/clock.ts';
import { messageOf } from '#platform/failure.ts';
import type { Logger } from '#platform/log.ts';
import type { Random } from '#platform/random.ts';
import { saveConfiguration } from '#reload/enrollment/identity-directory.ts';
import { type OpenedNode, openNode } from '#reload/node/open-node.ts';
import { isGatewayName } from '#reload/usages/pstn-gateway/gateway-names.ts';
import type { ResourceId } from '#reload/wire/ids.ts';
import type { RouteTarget } from '#sip/adapter/call-router.ts';
import type { SipStack } from '#sip/sip-stack.ts';
import type { SipTarget } from '#sip/ua/call-engine.ts';
import type { KeyValueStore } from '#store/key-value-store.ts';

export interface MemberSideDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly program: string;
  readonly events: EventHub;
  readonly calls: LiveCalls;
  readonly store: KeyValueStore;
}

const WATCH_MS = 3000;

/** The parts that exist once this node has an identity. */
interface Parts {
  readonly opened: OpenedNode;
  readonly context: DialledContext;
  readonly overlay: OverlaySide;
  readonly streams: PeerStreams;
  readonly sip: SipStack;
  readonly router: GatewayRouter;
  readonly phones: PhoneHosts | undefined;
}

/** A member of the overlay: its RELOAD node, SIP, and what its roles add: phones, a line. */
export class MemberSide {
  readonly #deps: MemberSideDeps;
  readonly #config: Config;
  readonly #stateDirectory: string;
  readonly #accounting: Accounting;
  readonly #credentials: Credentials;
  /** Present with mailboxes. */
  readonly voiceMail: VoiceMailSide | undefined;
  /** Present with telephone lines. */
  #screening: { readonly side: ScreeningSide; readonly judge: CallerScreening } | undefined;
  #parts: Parts | undefined;
  #opened: readonly OpenedLine[] = [];
  #lines: LinePool | undefined;
  #line: LineSide | undefined;
  #scenarios: CallsSide | undefined;
  #ownProxy: SipTarget | undefined;
  #sipAddress: string | undefined;
  #watch: Timer | undefined;

  constructor(deps: MemberSideDeps, options: { readonly config: Config; readonly stateDirectory: string }) {
    this.#deps = deps;
    this.#config = options.config;
    this.#stateDirectory = options.stateDirectory;
    this.#credentials = new Credentials({ ...deps, log: deps.log.child('credentials') });
    this.#accounting = createAccounting(deps, options.config);
    const mail = { config: options.config.voice_mail, stateDirectory: options.stateDirectory };
    const hasMailboxes = mail.config.mailbox.length > 0;
    this.voiceMail = hasMailboxes ? new VoiceMailSide({ ...deps, log: deps.log.child('voicemail') }, mail) : undefined;
  }

  get phones(): PhoneHosts | undefined {
    return this.#parts?.phones;
  }

  get nodeStatus(): Status['node'] {
    return this.#parts?.opened.node.status();
  }

  get credentials(): Status['credentials'] {
    return this.#credentials.reports;
  }

  get lines(): Status['lines'] {
    const published = this.#line?.isPublished ?? false;
    return (this.#lines?.desks ?? []).map(({ line, config, isPresent }) => ({
      name: line.name,
      emulated: config.emulated,
      published: published && isPresent,
      traits: line.traits,
      ...line.status,
    }));
  }

  get summary() {
    const node = this.#parts?.opened.node;
    const at = node?.listening[0];
    return {
      node: node?.nodeId,
      user: node?.records.userName,
      overlay: this.#parts?.context.overlay,
      bootstrap: at && at.type !== 'unknown' ? printHostPort({ host: at.address, port: at.port }) : undefined,
      sip: this.#sipAddress,
    };
  }

  async start(): Promise<void> {
    await this.#accounting.records.start();
    await this.voiceMail?.open();
    await this.#openLines();
    if (this.#lines) await this.#openScreening();
    const parts = await this.#open();
    this.#parts = parts;
    const { node } = parts.opened;
    await node.start();
    this.#credentials.keep(node, parts.opened, { directory: this.#identityDirectory });
    this.#watchOverlay(parts, false);
    parts.streams.serve(node);
    if (parts.phones) {
      this.#sipAddress = printHostPort(await listenForPhones(parts.sip, this.#config.sip));
      await parts.phones.start();
    }
    this.#takeCalls(parts);
    this.voiceMail?.publish(parts.opened);
    await this.#startLine(parts);
  }

  async stop(): Promise<void> {
    this.#watch?.cancel();
    this.#accounting.records.stop();
    await this.#quietly('credentials', this.#credentials.stop());
    const { opened, phones, sip, streams } = this.#parts ?? {};
    await this.#quietly('voice mail', this.voiceMail?.stop());
    await this.#quietly('line', this.#line?.stop());
    for (const { close } of this.#opened) await this.#quietly('emulator', close());
    await this.#quietly('phones', phones?.stop());
    await this.#quietly('sip', sip?.stop());
    streams?.close();
    await this.#quietly('node', opened?.node.stop());
  }

  /** Lists and judgement of callers, for commands. */
  get screened(): Screened | undefined {
    const [desk] = this.#lines?.desks ?? [];
    const screening = this.#screening;
    if (screening === undefined || desk === undefined) return undefined;
    const { lists, passed } = screening.side;
    return {
      lists,
      passed,
      readNumber: (callerId) => readToldNumber(callerId, desk.numbering),
      judge: (callerId, line) => screening.judge.verdict(callerId, line === '' ? desk.line.name : line),
      lastCaller: screening.judge.lastCaller,
    };
  }

  async discover(number: string | undefined, signal: AbortSignal): Promise<Discovery | undefined> {
    return this.#parts?.overlay.discover(number, signal);
  }

  async voiceMailNodes(signal: AbortSignal): ReturnType<OverlaySide['voiceMailNodes']> {
    return (await this.#parts?.overlay.voiceMailNodes(signal)) ?? [];
  }

  async placeCall(options: PlaceCallOptions, signal: AbortSignal): Promise<PlacedCall> {
    if (!this.#parts) throw new Error('this node is not in the overlay yet');
    const { sip, router, context, opened } = this.#parts;
    const ownName = opened.node.records.userName;
    const deps = {
      engine: sip.engine,
      router,
      ownProxy: () => this.#toOwnProxy(),
      clock: this.#deps.clock,
      context,
      ownName,
    };
    return placeCall(deps, options, signal);
  }

  findCalls(query: CallQuery): Promise<CallPage> {
    return this.#accounting.records.find(query);
  }

  /** Deletes the records of calls that began before that time; resolves with their number. */
  deleteCalls(beforeMs: number): Promise<number> {
    return this.#accounting.records.deleteBefore(beforeMs);
  }

  /** Records that this node holds for the overlay, replicas included. */
  heldRecords(count: number): readonly { readonly resource: string; readonly kind: number }[] {
    return this.#parts?.opened.node.recordNames(count) ?? [];
  }

  /** Throws when the node refuses the document, or is not in the overlay yet. */
  adoptConfiguration(document: Uint8Array): void {
    if (!this.#parts) throw new Error('this node is not in the overlay yet');
    this.#parts.opened.node.adoptConfiguration(document);
  }

  /** How many values the overlay has under a resource, as this node finds them. */
  async countValues(resource: string, kind: number, signal: AbortSignal): Promise<number> {
    if (!this.#parts) throw new Error('this node is not in the overlay yet');
    const fetched = await this.#parts.opened.node.records.fetch({ resource: resource as ResourceId, kind, signal });
    return fetched.values.length;
  }

  /** Tells when the node gets into the overlay, loses it and finds it again. */
  #watchOverlay(parts: Parts, wasJoined: boolean): void {
    const { joined, nodeId, overlay } = parts.opened.node.status();
    if (joined !== wasJoined) this.#deps.events.emit({ event: joined ? 'joined' : 'isolated', overlay, nodeId });
    this.#watch = this.#deps.clock.after(WATCH_MS, () => this.#watchOverlay(parts, joined));
  }

  async #openLines(): Promise<void> {
    const { lines, roles, dial_plan: dialPlan } = this.#config;
    if (!roles.includes('gateway')) return;
    this.#opened = await openLines({ ...this.#deps, log: this.#deps.log.child('line') }, lines);
    this.#lines = poolOf(this.#opened, this.#accounting.budgets, dialPlan);
  }

  async #open(): Promise<Parts> {
    const { clock, random, log, store } = this.#deps;
    const directory = this.#identityDirectory;
    const member = await this.#credentials.ownMember(directory, this.#config.overlay.name);
    const onConfiguration = (document: Uint8Array) => {
      saveConfiguration(directory, document).catch((thrown) =>
        log.warn('document not kept', { reason: messageOf(thrown) }),
      );
    };
    const options = nodeOptions(this.#config);
    const opened = openNode({ clock, random, log: log.child('reload'), store, onConfiguration }, member, options);
    const { instanceName, pstnDomain } = opened.configuration.current;
    const context = dialledContext(this.#config, { overlay: instanceName, pstnDomain });
    const gatewayLog = log.child('gateway');
    const streams = new PeerStreams({ log: gatewayLog, attach: (stream) => this.#parts?.sip.attachStream(stream) });
    const overlay = new OverlaySide({ opened, streams, clock, random, log: gatewayLog });
    const voiceMail = new MailboxRoutes(
      {
        serves: (user) => this.voiceMail?.store.serves(user) ?? false,
        answersItself: (caller) => caller === opened.node.records.userName || isGatewayName(caller, { pstnDomain }),
        elsewhere: (uri, caller, signal) => overlay.voiceMail(uri, caller, signal),
      },
      {
        overlay: instanceName,
        number: this.#config.voice_mail.number,
        answerAfterSeconds: this.#config.voice_mail.answer_after_seconds,
      },
    );
    const isRegistered = (aor: string) => this.#isRegistered(aor);
    const router = new GatewayRouter(
      {
        ...{ overlay, lines: this.#lines, isRegistered, voiceMail, log: gatewayLog, pins: this.#accounting.pins },
        refused: (call) => this.#scenarios?.refused(call),
      },
      context,
    );
    const phones = this.#config.roles.includes('proxy')
      ? new PhoneHosts(
          { ...this.#deps, opened, overlay, streams, log: gatewayLog, credentials: this.#credentials },
          { phones: this.#config.phones, stateDirectory: this.#stateDirectory },
        )
      : undefined;
    const sipDeps = { clock, random, log: log.child('sip'), router };
    const sip = createSip(
      {
        ...sipDeps,
        phones: phones && { account: phones.account, observer: phones },
        mailboxes: this.voiceMail?.watch(instanceName),
      },
      this.#config,
      context,
    );
    this.voiceMail?.onChange((user) => sip.mailChanged(user));
    return { opened, context, overlay, streams, sip, router, phones };
  }

  async #openScreening(): Promise<void> {
    const { events, log } = this.#deps;
    const changed = (counts: ScreeningCounts) => events.emit({ event: 'screening', ...counts });
    const deps = { ...this.#deps, log: log.child('screening'), changed };
    const side = new ScreeningSide(deps, this.#config.screening);
    this.#screening = { side, judge: await side.open() };
  }

  async #startLine({ opened, context, overlay, sip }: Parts): Promise<void> {
    const lines = this.#lines;
    if (!lines) return;
    const { clock, calls, events } = this.#deps;
    const log = this.#deps.log.child('gateway');
    const ownName = opened.node.records.userName;
    const locate = async (aor: string, signal: AbortSignal): Promise<readonly RouteTarget[]> =>
      this.#isRegistered(aor)
        ? [{ requestUri: `sip:${aor}`, open: async () => this.#toOwnProxy() }]
        : overlay.locate(aor, ownName, signal);
    const scenarios = new CallsSide(
      {
        ...{ clock, log, lines, calls, ...this.#accounting, engine: sip.engine, locate },
        clearsLine: this.#config.dial_plan.emergency_clears_line,
        ...(this.#screening === undefined ? {} : { screening: this.#screening.judge }),
        ...(this.voiceMail?.desk === undefined ? {} : { voiceMail: this.voiceMail.desk }),
        mailboxes: (call) => this.voiceMail?.incoming(call, context) ?? false,
      },
      context,
    );
    this.#scenarios = scenarios;
    scenarios.serve();
    const ring = scenarios.ring.bind(scenarios);
    this.#line = new LineSide(
      { lines, calls, opened, events, clock, log, ring },
      { emergency: lines.desks.some((desk) => desk.servesEmergency) },
    );
    await this.#line.start();
  }

  /** A node without a line takes no calls itself but those for voice mail. */
  #takeCalls({ sip, context }: Parts): void {
    if (this.voiceMail === undefined || this.#lines !== undefined) return;
    sip.engine.onIncoming((call) => {
      if (!this.voiceMail?.incoming(call, context)) call.reject(404, 'Not Found');
    });
  }

  get #identityDirectory(): string {
    return this.#config.overlay.identity ?? join(this.#stateDirectory, 'identity');
  }

  #isRegistered(aor: string): boolean {
    return this.#parts?.sip.registeredAors.includes(aor) ?? false;
  }

  /** The way to phones registered here: through the own proxy, as this node. */
  #toOwnProxy(): SipTarget {
    if (!this.#parts) throw new Error('this node is not in the overlay yet');
    const { sip, opened } = this.#parts;
    this.#ownProxy ??= sip.ownProxy(opened.node.records.userName, opened.node.nodeId);
    return this.#ownProxy;
  }

  async #quietly(part: string, stopping: Promise<void> | undefined): Promise<void> {
    try {
      await stopping;
    } catch (thrown) {
      this.#deps.log.info('not stopped cleanly', { part, reason: messageOf(thrown) });
    }
  }
}
