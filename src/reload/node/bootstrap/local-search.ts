import { isIP } from 'node:net';
import type { Clock } from '#platform/clock.ts';
import type { Logger } from '#platform/log.ts';
import type { Random } from '#platform/random.ts';
import { DnsSd } from '#reload/node/bootstrap/dns-sd.ts';
import { MulticastAnswers } from '#reload/node/bootstrap/multicast-answers.ts';
import { MulticastSearch } from '#reload/node/bootstrap/multicast-search.ts';
import type { Finder, ListeningAt, LocalWays } from '#reload/node/bootstrap/way.ts';
import type { BootstrapAddress } from '#reload/node/peer-cache.ts';
import type { ConfigurationSource } from '#reload/overlay-config/configuration.ts';
import type { Signer, Verifier } from '#reload/security/identity.ts';

export interface LocalSearchDeps {
  readonly signer: Signer;
  readonly verifier: Verifier;
  readonly configuration: ConfigurationSource;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
}

export interface LocalSearchOptions {
  /** Uses DNS-SD; the document's multicast groups are used in any case. */
  readonly dnsSd: boolean;
  /** Stays on the loopback interface; for overlays on one machine. */
  readonly loopback: boolean;
  /** In place of 5353. */
  readonly dnsSdPort?: number;
}

/** Both ways to find others on the own network and to be found there: the document's multicast groups, then DNS-SD. */
export class LocalSearch implements LocalWays {
  readonly finders: readonly Finder[];
  readonly #deps: LocalSearchDeps;
  readonly #dnsSd: DnsSd | undefined;
  readonly #answers: MulticastAnswers;
  #isClosed = false;

  constructor(deps: LocalSearchDeps, options: LocalSearchOptions) {
    const { dnsSd, loopback, dnsSdPort: port } = options;
    this.#deps = deps;
    this.#answers = new MulticastAnswers(deps, options);
    this.#dnsSd = dnsSd
      ? new DnsSd({ ...deps, nodeId: deps.signer.nodeId }, { loopback, ...(port === undefined ? {} : { port }) })
      : undefined;
    this.finders = [new MulticastSearch(deps, options), ...(this.#dnsSd === undefined ? [] : [this.#dnsSd])];
  }

  async announce(at: ListeningAt, isInside: () => boolean): Promise<void> {
    const bound = boundIn(at);
    const [first] = bound;
    if (first === undefined || this.#isClosed) return;
    this.#deps.configuration.onChange(() => void this.#answers.start(bound, isInside));
    await this.#answers.start(bound, isInside);
    await this.#dnsSd?.announce(first.port);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#answers.close();
    await this.#dnsSd?.close();
  }
}

/** What is bound in each family, to answer from there. */
function boundIn({ host, addresses }: ListeningAt): readonly BootstrapAddress[] {
  const isOneAddress = isIP(host) !== 0 && host !== '0.0.0.0' && host !== '::';
  return (['ipv4', 'ipv6'] as const).flatMap((family) => {
    const own = addresses.find(({ type }) => type === family);
    if (own === undefined || own.type === 'unknown') return [];
    const wildcard = family === 'ipv4' ? '0.0.0.0' : '::';
    return [{ address: isOneAddress ? host : wildcard, port: own.port }];
  });
}
