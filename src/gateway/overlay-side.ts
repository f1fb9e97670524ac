import type { PeerStreams } from '#gateway/peer-streams.ts';
import type { OverlayCalls } from '#gateway/router.ts';
import type { Clock } from '#platform/clock.ts';
import { Failure } from '#platform/failure.ts';
import type { Logger } from '#platform/log.ts';
import type { Random } from '#platform/random.ts';
import type { OpenedNode } from '#reload/node/open-node.ts';
import type { ReloadNode } from '#reload/node/reload-node.ts';
import { type GatewayCandidate, GatewayDirectory } from '#reload/usages/pstn-gateway/gateway-directory.ts';
import { AorResolver } from '#reload/usages/sip/aor-resolver.ts';
import { VoiceMailDirectory, type VoiceMailProvider } from '#reload/usages/voice-mail/voice-mail-directory.ts';
import type { RouteTarget } from '#sip/adapter/call-router.ts';

export interface OverlaySideDeps {
  readonly opened: OpenedNode;
  readonly streams: PeerStreams;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
}

/** Gateways that are tried for one call. */
const MAX_GATEWAYS = 4;
/** Voice mail nodes that are asked for one mailbox. */
const MAX_MAIL_NODES = 4;

export interface Discovery {
  readonly namespace: string;
  readonly nodeId: string;
  readonly userName: string;
  readonly prefix: string;
  readonly capacity: number;
  readonly ms: number;
}

/** Finds users and gateways in the overlay and opens connections to them, under the certificate of whoever calls. */
export class OverlaySide implements OverlayCalls {
  readonly #deps: OverlaySideDeps;
  readonly #resolver: AorResolver;
  readonly #directory: GatewayDirectory;
  readonly #voiceMail: VoiceMailDirectory;
  /** Nodes of hosted phones, by their user name. */
  readonly #hosted = new Map<string, ReloadNode>();

  constructor(deps: OverlaySideDeps) {
    const { node, configuration } = deps.opened;
    this.#deps = deps;
    const usage = { records: node.records, configuration, random: deps.random, log: deps.log };
    this.#resolver = new AorResolver(usage);
    this.#directory = new GatewayDirectory(usage);
    this.#voiceMail = new VoiceMailDirectory(usage);
  }

  /** From now on calls of this user leave under the user's own certificate. */
  addHosted(userName: string, node: ReloadNode): void {
    this.#hosted.set(userName, node);
  }

  async locate(aor: string, caller: string, signal: AbortSignal): Promise<readonly RouteTarget[]> {
    const { routes } = await this.#resolver.resolve(aor, signal);
    return routes.flatMap((route): RouteTarget[] => {
      const { nodeId, destinations } = route;
      if (nodeId === undefined) return [];
      return [
        {
          requestUri: `sip:${route.aor}`,
          open: async (openSignal) => ({
            transport: 'stream',
            stream: await this.#deps.streams.open(
              this.#nodeOf(caller),
              { destinations, nodeId, userName: route.aor },
              openSignal,
            ),
          }),
        },
      ];
    });
  }

  /** The first gateway is looked for now, each further one when its turn comes. */
  async gateways(e164: string, caller: string, signal: AbortSignal): Promise<readonly RouteTarget[]> {
    const search = this.#directory.find(e164, signal);
    const first = await search.next();
    if (first.done) return [];
    const { pstnDomain } = this.#deps.opened.configuration.current;
    const requestUri = `sip:${e164}@${pstnDomain};user=phone`;
    const target = (next: () => Promise<GatewayCandidate | undefined>): RouteTarget => ({
      requestUri,
      open: async (openSignal) => {
        const candidate = await next();
        if (!candidate) throw new Failure({ code: 'no-gateway' }, 'there is no further gateway for this number');
        this.#deps.log.debug('trying gateway', { gateway: candidate.userName, node: candidate.nodeId });
        return {
          transport: 'stream',
          stream: await this.#deps.streams.open(this.#nodeOf(caller), candidate, openSignal),
        };
      },
    });
    const later = async () => (await search.next()).value ?? undefined;
    return [target(async () => first.value), ...Array.from({ length: MAX_GATEWAYS - 1 }, () => target(later))];
  }

  /** The first gateway for a number, as `copperring discover` tells it. */
  async discover(e164: string | undefined, signal: AbortSignal): Promise<Discovery | undefined> {
    const startedAt = this.#deps.clock.now();
    for await (const candidate of this.#directory.find(e164, signal)) {
      const { namespace, nodeId, userName, prefix, capacity } = candidate;
      return {
        namespace,
        nodeId,
        userName,
        prefix: `+${prefix.digits}`,
        capacity,
        ms: this.#deps.clock.now() - startedAt,
      };
    }
    return undefined;
  }

  /** Nodes that may have a mailbox, one by one; those that nobody vouches for are left out. */
  async voiceMail(requestUri: string, caller: string, signal: AbortSignal): Promise<readonly RouteTarget[]> {
    const targets: RouteTarget[] = [];
    for await (const provider of this.#voiceMail.find(signal)) {
      if (!provider.trusted) continue;
      targets.push({
        requestUri,
        open: async (openSignal) => ({
          transport: 'stream',
          stream: await this.#deps.streams.open(this.#nodeOf(caller), provider, openSignal),
        }),
      });
      if (targets.length >= MAX_MAIL_NODES) break;
    }
    return targets;
  }

  /** Who offers voice mail, as `copperring discover --service voice-mail` tells it. */
  async voiceMailNodes(signal: AbortSignal): Promise<readonly Omit<VoiceMailProvider, 'destinations'>[]> {
    const found: Omit<VoiceMailProvider, 'destinations'>[] = [];
    for await (const { nodeId, userName, trusted } of this.#voiceMail.find(signal)) {
      found.push({ nodeId, userName, trusted });
    }
    return found;
  }

  #nodeOf(caller: string): ReloadNode {
    return this.#hosted.get(caller) ?? this.#deps.opened.node;
  }
}
