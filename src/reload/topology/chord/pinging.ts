import type { ChordDeps } from '#reload/topology/chord/core.ts';
import { encode } from '#reload/wire/codec.ts';
import { MessageCode } from '#reload/wire/codes.ts';
import { nodeDestination, resourceDestination } from '#reload/wire/destination.ts';
import type { NodeId, ResourceId } from '#reload/wire/ids.ts';
import { pingReq } from '#reload/wire/ping.ts';

interface PingOptions {
  readonly through?: NodeId;
  readonly over?: NodeId;
  readonly timeoutMs?: number;
  readonly signal: AbortSignal;
}

/**
 * Pings a place of the ring and resolves with the peer that answers for it; undefined when no answer comes. By default routing chooses
 * the first hop. `over` sends it over a linked node, `through` names that node in the destination list as well.
 */
export async function whoAnswersFor(
  deps: Pick<ChordDeps, 'exchange'>,
  place: ResourceId,
  { through, over, ...options }: PingOptions,
): Promise<NodeId | undefined> {
  const firstHop = through ?? over;
  const destination = [resourceDestination(place)];
  try {
    const { signatory } = await deps.exchange.request({
      destination: through === undefined ? destination : [nodeDestination(through), ...destination],
      code: MessageCode.pingReq,
      body: encode(pingReq, { padding: new Uint8Array() }),
      ...options,
      ...(firstHop === undefined ? {} : { firstHop }),
    });
    return signatory.nodeId;
  } catch {
    return undefined;
  }
}
