import { messageOf } from '#platform/failure.ts';
import { type Logger, printable } from '#platform/log.ts';
import type { Random } from '#platform/random.ts';
import type { ConfigurationSource } from '#reload/overlay-config/configuration.ts';
import type { RecordClient } from '#reload/storage/record-client.ts';
import { isGatewayName, searchNamespaces } from '#reload/usages/pstn-gateway/gateway-names.ts';
import type { ServedPrefix } from '#reload/usages/pstn-gateway/gateway-publisher.ts';
import { RedirLookup } from '#reload/usages/redir/redir-service.ts';
import { decode } from '#reload/wire/codec.ts';
import { KindId } from '#reload/wire/codes.ts';
import { type Destination, nodeDestination } from '#reload/wire/destination.ts';
import { hashToResourceId, idBytes, type NodeId } from '#reload/wire/ids.ts';
import { type PstnGateway, PstnGatewayFlag, pstnGateway } from '#reload/wire/pstn-gateway.ts';

/** A gateway that may be asked for a number. Its name and description are vouched for by its certificate. */
export interface GatewayCandidate {
  readonly nodeId: NodeId;
  /** Name in its certificate, which lies in the gateway domain. */
  readonly userName: string;
  readonly destinations: readonly Destination[];
  /** The ReDiR namespace in which it was found. */
  readonly namespace: string;
  /** The longest of its prefixes that the number begins with; any of them when no number was given. */
  readonly prefix: ServedPrefix;
  /** Lines that were free when it last said so. */
  readonly capacity: number;
  readonly emergency: boolean;
  /** A predicate of RFC 3840, perhaps empty. */
  readonly contactPrefs: string;
}

interface Deps {
  readonly records: RecordClient;
  readonly configuration: ConfigurationSource;
  readonly random: Random;
  readonly log: Logger;
}

/** Providers looked at in one namespace; among many that are not to be trusted there has to be an end. */
const MAX_PROVIDERS = 8;

/** Finds PSTN gateways through ReDiR, and believes only what the overlay's operator vouches for. */
export class GatewayDirectory {
  readonly #deps: Deps;
  readonly #lookup: RedirLookup;

  constructor(deps: Deps) {
    this.#deps = deps;
    this.#lookup = new RedirLookup(deps);
  }

  /**
   * Gateways for outbound calls to an E.164 number (with its plus sign), or to anywhere; the next is looked for only when it is asked for.
   * The longest served prefix comes first; within one namespace the search begins at this node's own place in the ring, so that callers
   * spread over the gateways, and goes on behind each that failed. Gateways without a free line come last.
   * Fails with `Failure<ExchangeFault>` when the overlay can't be asked.
   */
  async *find(number: string | undefined, signal?: AbortSignal): AsyncGenerator<GatewayCandidate, void, void> {
    const digits = number?.replace(/^\+/, '') ?? '';
    const tried = new Set<NodeId>();
    const busy: GatewayCandidate[] = [];
    for (const namespace of searchNamespaces(digits, this.#deps.configuration.current)) {
      let key = this.#deps.records.nodeId;
      for (let i = 0; i < MAX_PROVIDERS; i += 1) {
        const provider = await this.#lookup.find({ namespace, key, exclude: tried, ...withSignal(signal) });
        if (provider === undefined) break;
        key = provider.nodeId;
        tried.add(key);
        const candidate = await this.#describe(key, { digits, namespace, signal });
        if (candidate === undefined) continue;
        if (candidate.capacity > 0) yield candidate;
        else busy.push(candidate);
      }
    }
    yield* busy;
  }

  async #describe(
    nodeId: NodeId,
    search: { readonly digits: string; readonly namespace: string; readonly signal: AbortSignal | undefined },
  ): Promise<GatewayCandidate | undefined> {
    const { records, configuration, log } = this.#deps;
    const { digits, namespace, signal } = search;
    try {
      const resource = hashToResourceId(idBytes(nodeId));
      const { values } = await records.fetch({ resource, kind: KindId.pstnGateway, ...withSignal(signal) });
      const found = values.find(({ signatory }) => signatory.nodeId === nodeId);
      if (found === undefined) return undefined;
      const { userName } = found.signatory.certificate;
      if (!isGatewayName(userName, configuration.current)) {
        log.warn('a node that is no gateway registers as one', { nodeId, userName: printable(userName) });
        return undefined;
      }
      const gateway = decode(pstnGateway, found.value);
      const prefix = servedPrefix(gateway, digits);
      if (prefix === undefined || (gateway.flags & PstnGatewayFlag.outbound) === 0) return undefined;
      const { destinationList, capacity, contactPrefs } = gateway;
      const destinations = destinationList.length > 0 ? destinationList : [nodeDestination(nodeId)];
      const emergency = (gateway.flags & PstnGatewayFlag.emergency) !== 0;
      return { nodeId, userName, destinations, namespace, prefix, capacity, emergency, contactPrefs };
    } catch (thrown) {
      if (signal?.aborted === true) throw thrown;
      log.info('a gateway could not be looked at', { nodeId, reason: printable(messageOf(thrown)) });
      return undefined;
    }
  }
}

/** The longest of the prefixes that `digits` begin with, then the one of lowest priority and cost. */
function servedPrefix({ prefixes }: PstnGateway, digits: string): ServedPrefix | undefined {
  const fitting = prefixes.filter((prefix) => digits === '' || digits.startsWith(prefix.digits));
  return [...fitting].sort(
    (a, b) => b.digits.length - a.digits.length || a.priority - b.priority || a.cost - b.cost,
  )[0];
}

function withSignal(signal: AbortSignal | undefined): { readonly signal?: AbortSignal } {
  return signal === undefined ? {} : { signal };
}
