import type { Random } from '#platform/random.ts';
import type { ConfigurationSource } from '#reload/overlay-config/configuration.ts';
import type { RecordClient } from '#reload/storage/record-client.ts';
import { isGatewayName } from '#reload/usages/pstn-gateway/gateway-names.ts';
import { RedirLookup } from '#reload/usages/redir/redir-service.ts';
import type { Destination } from '#reload/wire/destination.ts';
import type { NodeId } from '#reload/wire/ids.ts';

/** The registered name of the service (RFC 7374 §10.4). */
export const VOICE_MAIL_NAMESPACE = 'voice-mail';

export interface VoiceMailProvider {
  readonly nodeId: NodeId;
  /** Name in its certificate. */
  readonly userName: string;
  readonly destinations: readonly Destination[];
  /** Whether the operator vouches for it: any node may register, and messages go to those of the gateway domain only. */
  readonly trusted: boolean;
}

interface Deps {
  readonly records: RecordClient;
  readonly configuration: ConfigurationSource;
  readonly random: Random;
}

/** Providers looked at in one search. */
const MAX_PROVIDERS = 8;

/** Finds nodes with voice mail through ReDiR (RFC 7374 §4.5). */
export class VoiceMailDirectory {
  readonly #deps: Deps;
  readonly #lookup: RedirLookup;

  constructor(deps: Deps) {
    this.#deps = deps;
    this.#lookup = new RedirLookup(deps);
  }

  /**
   * Beginning at this node's own place in the ring; each further one is looked for when it is asked for. This node is not
   * among them. Fails with `Failure<ExchangeFault>` when the overlay can't be asked.
   */
  async *find(signal: AbortSignal): AsyncGenerator<VoiceMailProvider, void, void> {
    const { records, configuration } = this.#deps;
    const seen = new Set<NodeId>();
    let key = records.nodeId;
    for (let i = 0; i < MAX_PROVIDERS; i += 1) {
      const found = await this.#lookup.find({ namespace: VOICE_MAIL_NAMESPACE, key, exclude: seen, signal });
      if (found === undefined) return;
      key = found.nodeId;
      seen.add(key);
      const { nodeId, destinations, userName = '' } = found;
      yield { nodeId, userName, destinations, trusted: isGatewayName(userName, configuration.current) };
    }
  }
}
