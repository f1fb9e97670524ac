import type { Clock } from '#platform/clock.ts';
import { Failure, messageOf } from '#platform/failure.ts';
import { type Logger, printable } from '#platform/log.ts';
import type { Random } from '#platform/random.ts';
import { ConfigurationSpread } from '#reload/attach/configuration-spread.ts';
import type { IncomingRequest, Request, RequestHandler, Response } from '#reload/messaging/exchange.ts';
import type { ConfigurationMismatch } from '#reload/messaging/mismatch.ts';
import { refuse } from '#reload/messaging/refusal.ts';
import type { ConfigurationSource } from '#reload/overlay-config/configuration.ts';
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
}

export interface ConfigurationSyncDeps {
  readonly exchange: MismatchExchange;
  readonly configuration: ConfigurationSource;
  readonly links: { nodes(): readonly NodeId[] };
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  /** Checks a document and puts it in force; throws `Failure<ConfigurationFault>` when it does not deserve that. */
  readonly adopt: (document: Uint8Array) => void;
}

/** Nodes that were sent the document in force within the last request lifetime. */
const MAX_REMEMBERED = 256;

/** Spreads newer configuration documents and takes them (RFC 6940 §6.5.4). */
export class ConfigurationSync {
  readonly #deps: ConfigurationSyncDeps;
  /** Until when a node is not sent this sequence again: each of its requests would cost a whole document. */
  readonly #sent = new Map<string, number>();
  readonly #spread: ConfigurationSpread;
  #sequence: number;
  #stopped = false;

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
      if (peerIs === 'older' && this.#mayDisturb(nodeId)) void this.#send(nodeId, { destination: returnPath });
    });
    configuration.onChange(() => this.#onChange());
  }

  stop(): void {
    this.#stopped = true;
    this.#spread.stop();
  }

  #onChange(): void {
    const { sequence } = this.#deps.configuration.current;
    if (this.#stopped || sequence === this.#sequence) return;
    this.#sequence = sequence;
    this.#deps.log.info('new configuration in force', { sequence });
    this.#spread.begin();
  }

  #onUpdate({ body, signatory }: IncomingRequest): Response {
    const { configuration, adopt } = this.#deps;
    const update = decode(configUpdateReq, body);
    if (update.type !== 'config') throw refuse(ErrorCode.forbidden, 'Kinds are taken with a whole configuration only');
    try {
      adopt(update.configData);
    } catch (error) {
      if (offeredSequence(error) === configuration.current.sequence) this.#spread.informed(signatory.nodeId);
      throw refuse(errorCodeOf(error), messageOf(error));
    }
    this.#spread.informed(signatory.nodeId);
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
    const { configuration, exchange, log } = this.#deps;
    const body = encode(configUpdateReq, { type: 'config', configData: configuration.bytes });
    try {
      await exchange.request({ ...way, code: MessageCode.configUpdateReq, body });
    } catch (error) {
      log.debug('ConfigUpdate was not taken', { nodeId, error: printable(messageOf(error)) });
    }
  }

  #mayDisturb(nodeId: NodeId): boolean {
    const { sequence } = this.#deps.configuration.current;
    const now = this.#deps.clock.now();
    for (const [key, until] of this.#sent) {
      if (until > now && this.#sent.size < MAX_REMEMBERED) break;
      this.#sent.delete(key);
    }
    const key = `${nodeId}/${sequence}`;
    if (this.#sent.has(key)) return false;
    this.#sent.set(key, now + 5 * this.#deps.configuration.current.reliabilityTimer);
    return true;
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
  return code === 'signature' ? ErrorCode.forbidden : ErrorCode.invalidMessage;
}
