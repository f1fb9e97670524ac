import type { Clock, Timer } from '#platform/clock.ts';
import { Failure, messageOf } from '#platform/failure.ts';
import { type Logger, printable } from '#platform/log.ts';
import type { Random } from '#platform/random.ts';
import { ConfigurationSpread } from '#reload/attach/configuration-spread.ts';
import type { IncomingRequest, Request, RequestHandler, Response } from '#reload/messaging/exchange.ts';
import type { ConfigurationMismatch, KindLack } from '#reload/messaging/mismatch.ts';
import { refuse } from '#reload/messaging/refusal.ts';
import type { ConfigurationSource } from '#reload/overlay-config/configuration.ts';
import type { AddedKind } from '#reload/overlay-config/current-configuration.ts';
import { readDocument, readKindBlock } from '#reload/overlay-config/document.ts';
import type { ConfigurationFault } from '#reload/overlay-config/fault.ts';
import { decode, encode } from '#reload/wire/codec.ts';
import { ErrorCode, MessageCode } from '#reload/wire/codes.ts';
import { configUpdateReq } from '#reload/wire/config-update.ts';
import { type Destination, nodeDestination } from '#reload/wire/destination.ts';
import type { NodeId } from '#reload/wire/ids.ts';

/** What configuration updates need of messaging: `Messenger`. */
interface MismatchExchange {
  request(request: Request): Promise<unknown>;
  handle(code: number, handler: RequestHandler): void;
  onConfigurationMismatch(listener: (mismatch: ConfigurationMismatch) => void): void;
  onKindLack(listener: (lack: KindLack) => void): void;
}

export interface ConfigurationSyncDeps {
  readonly exchange: MismatchExchange;
  readonly configuration: ConfigurationSource & { readonly addedKinds: readonly AddedKind[] };
  readonly links: { nodes(): readonly NodeId[] };
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly adoption: Adoption;
}

/** Who checks what others send and puts it in force. Both throw `Failure<ConfigurationFault>` for what does not deserve that. */
export interface Adoption {
  adopt(document: Uint8Array): void;
  adoptKinds(blocks: readonly Uint8Array[]): void;
  /** The overlay seems to have a newer document that nobody can bring here. */
  lost(): void;
}

/** Nodes that were sent the document in force within the last request lifetime. */
const MAX_REMEMBERED = 256;
/** How many times the reliability timer a newer document is waited for that others have shown to exist. */
const PATIENCE = 10;

/** Spreads newer configuration documents and takes them (RFC 6940 §6.5.4). */
export class ConfigurationSync {
  readonly #deps: ConfigurationSyncDeps;
  /** Until when a node is not sent this sequence again: each of its requests would cost a whole document. */
  readonly #sent = new Map<string, number>();
  readonly #spread: ConfigurationSpread;
  #sequence: number;
  #stopped = false;
  #expecting: Timer | undefined;

  constructor(deps: ConfigurationSyncDeps) {
    this.#deps = deps;
    this.#sequence = deps.configuration.current.sequence;
    this.#spread = new ConfigurationSpread({
      ...deps,
      neighbours: () => deps.links.nodes(),
      tell: (neighbour) => this.#tell(neighbour),
    });
  }

  /** Registers the handler of ConfigUpdate, begins to help nodes with an older document, and passes on what is new. */
  start(): void {
    const { exchange, configuration } = this.#deps;
    exchange.handle(MessageCode.configUpdateReq, (request) => this.#onUpdate(request));
    exchange.onConfigurationMismatch(({ peerIs, nodeId, returnPath }) => {
      if (peerIs === 'newer') this.#expectNewer();
      else if (this.#mayDisturb(nodeId)) void this.#send(nodeId, { destination: returnPath });
    });
    exchange.onKindLack((lack) => void this.#teach(lack));
    configuration.onChange(() => this.#onChange());
  }

  stop(): void {
    this.#stopped = true;
    this.#spread.stop();
    this.#expecting?.cancel();
  }

  /** Gives a node that answered Error_Unknown_Kind the definitions of those Kinds, as far as there are any (RFC 6940 §7.4.1.2). */
  async #teach({ nodeId, kinds }: KindLack): Promise<void> {
    if (!this.#mayDisturb(`${nodeId} ${kinds.join(' ')}`)) return;
    const blocks = this.#blocksOf(kinds);
    if (blocks.length === 0) return;
    const body = encode(configUpdateReq, { type: 'kind', kinds: blocks });
    await this.#request(nodeId, { destination: [nodeDestination(nodeId)], body });
  }

  #blocksOf(kinds: readonly number[]): readonly Uint8Array[] {
    const { configuration } = this.#deps;
    const { kindBlocks } = readDocument(configuration.bytes, configuration.current.instanceName);
    const known = new Map(kindBlocks.map(({ kind, block }) => [kind.id, block]));
    for (const { kind, block } of configuration.addedKinds) known.set(kind.id, block);
    return kinds.flatMap((id) => known.get(id) ?? []).filter(standsAlone);
  }

  /** Whoever has the newer document brings it, as a rule. If nobody did after a while, something is wrong. */
  #expectNewer(): void {
    const { clock, configuration, adoption } = this.#deps;
    const { sequence, reliabilityTimer } = configuration.current;
    this.#expecting ??= clock.after(PATIENCE * reliabilityTimer, () => {
      this.#expecting = undefined;
      if (configuration.current.sequence === sequence) adoption.lost();
    });
  }

  #onChange(): void {
    const { sequence } = this.#deps.configuration.current;
    if (this.#stopped || sequence === this.#sequence) return;
    this.#sequence = sequence;
    this.#deps.log.info('new configuration in force', { sequence });
    this.#spread.begin();
  }

  #onUpdate({ body, signatory }: IncomingRequest): Response {
    const { configuration, adoption } = this.#deps;
    const update = decode(configUpdateReq, body);
    try {
      if (update.type === 'config') adoption.adopt(update.configData);
      else if (update.type === 'kind') adoption.adoptKinds(update.kinds);
      else throw refuse(ErrorCode.invalidMessage, 'this type of ConfigUpdate is not known here');
    } catch (error) {
      if (offeredSequence(error) === configuration.current.sequence) this.#spread.informed(signatory.nodeId);
      throw refuse(errorCodeOf(error), messageOf(error));
    }
    if (update.type === 'config') this.#spread.informed(signatory.nodeId);
    return { body: new Uint8Array() };
  }

  async #tell(neighbour: NodeId): Promise<void> {
    if (!this.#deps.links.nodes().includes(neighbour) || !this.#mayDisturb(neighbour)) return;
    await this.#send(neighbour, { destination: [nodeDestination(neighbour)], firstHop: neighbour });
  }

  async #send(
    nodeId: NodeId,
    way: { readonly destination: readonly Destination[]; readonly firstHop?: NodeId },
  ): Promise<void> {
    const body = encode(configUpdateReq, { type: 'config', configData: this.#deps.configuration.bytes });
    await this.#request(nodeId, { ...way, body });
  }

  async #request(nodeId: NodeId, request: Omit<Request, 'code'>): Promise<void> {
    const { exchange, log } = this.#deps;
    try {
      await exchange.request({ ...request, code: MessageCode.configUpdateReq });
    } catch (error) {
      log.debug('ConfigUpdate was not taken', { nodeId, error: printable(messageOf(error)) });
    }
  }

  #mayDisturb(target: string): boolean {
    const { sequence } = this.#deps.configuration.current;
    const now = this.#deps.clock.now();
    for (const [key, until] of this.#sent) {
      if (until > now && this.#sent.size < MAX_REMEMBERED) break;
      this.#sent.delete(key);
    }
    const key = `${target}/${sequence}`;
    if (this.#sent.has(key)) return false;
    this.#sent.set(key, now + 5 * this.#deps.configuration.current.reliabilityTimer);
    return true;
  }
}

/** Whether a block can be read without the document around it, whose namespace prefixes it might use. */
function standsAlone(block: Uint8Array): boolean {
  try {
    readKindBlock(block);
    return true;
  } catch {
    return false;
  }
}

function offeredSequence(error: unknown): number | undefined {
  const fault = error instanceof Failure ? (error as Failure<ConfigurationFault>).fault : undefined;
  return fault?.code === 'stale' ? fault.offered : undefined;
}

/** RFC 6940 §6.5.4.2 asks for an appropriate error. */
function errorCodeOf(error: unknown): number {
  const code = error instanceof Failure ? (error as Failure<ConfigurationFault>).code : undefined;
  if (code === 'stale') return ErrorCode.configTooOld;
  if (code === 'unsupported') return ErrorCode.incompatibleWithOverlay;
  return code === 'signature' ? ErrorCode.forbidden : ErrorCode.invalidMessage;
}
