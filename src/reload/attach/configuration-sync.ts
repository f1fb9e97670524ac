import type { Clock } from '#platform/clock.ts';
import { Failure, messageOf } from '#platform/failure.ts';
import { type Logger, printable } from '#platform/log.ts';
import type { Request, RequestHandler, Response } from '#reload/messaging/exchange.ts';
import type { ConfigurationMismatch } from '#reload/messaging/mismatch.ts';
import { refuse } from '#reload/messaging/refusal.ts';
import type { ConfigurationSource } from '#reload/overlay-config/configuration.ts';
import type { ConfigurationFault } from '#reload/overlay-config/fault.ts';
import { decode, encode } from '#reload/wire/codec.ts';
import { ErrorCode, MessageCode } from '#reload/wire/codes.ts';
import { configUpdateReq } from '#reload/wire/config-update.ts';
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
  readonly clock: Clock;
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

  constructor(deps: ConfigurationSyncDeps) {
    this.#deps = deps;
  }

  /** Registers the handler of ConfigUpdate and begins to help nodes with an older document. */
  start(): void {
    this.#deps.exchange.handle(MessageCode.configUpdateReq, (request) => this.#onUpdate(request.body));
    this.#deps.exchange.onConfigurationMismatch((mismatch) => {
      if (mismatch.peerIs === 'older') this.#send(mismatch);
    });
  }

  #onUpdate(body: Uint8Array): Response {
    const update = decode(configUpdateReq, body);
    if (update.type !== 'config') throw refuse(ErrorCode.forbidden, 'Kinds are taken with a whole configuration only');
    try {
      this.#deps.adopt(update.configData);
    } catch (error) {
      throw refuse(errorCodeOf(error), messageOf(error));
    }
    this.#deps.log.info('new configuration in force', { sequence: this.#deps.configuration.current.sequence });
    return { body: new Uint8Array() };
  }

  #send({ nodeId, returnPath }: ConfigurationMismatch): void {
    const { configuration, exchange, log } = this.#deps;
    if (!this.#mayDisturb(nodeId, configuration.current.sequence)) return;
    const body = encode(configUpdateReq, { type: 'config', configData: configuration.bytes });
    exchange
      .request({ destination: returnPath, code: MessageCode.configUpdateReq, body })
      .catch((error) => log.debug('ConfigUpdate was not taken', { nodeId, error: printable(messageOf(error)) }));
  }

  #mayDisturb(nodeId: NodeId, sequence: number): boolean {
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

/** RFC 6940 §6.5.4.2 asks for an appropriate error. */
function errorCodeOf(error: unknown): number {
  const code = error instanceof Failure ? (error as Failure<ConfigurationFault>).code : undefined;
  if (code === 'stale') return ErrorCode.configTooOld;
  return code === 'signature' ? ErrorCode.forbidden : ErrorCode.invalidMessage;
}
