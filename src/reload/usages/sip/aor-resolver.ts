import { toHex } from '#platform/bytes.ts';
import { Failure, messageOf } from '#platform/failure.ts';
import { type Logger, printable } from '#platform/log.ts';
import type { ConfigurationSource } from '#reload/overlay-config/configuration.ts';
import type { RecordClient } from '#reload/storage/record-client.ts';
import { type Aor, domainOf, parseAor } from '#reload/usages/sip/aor.ts';
import type { SipUsageFault } from '#reload/usages/sip/aor-registration.ts';
import { parseGruu } from '#reload/usages/sip/gruu.ts';
import { registrableNames } from '#reload/usages/sip/sip-registration-kind.ts';
import { decode, encode, untilEnd } from '#reload/wire/codec.ts';
import { KindId } from '#reload/wire/codes.ts';
import { type Destination, destination } from '#reload/wire/destination.ts';
import { hashToResourceId, type NodeId } from '#reload/wire/ids.ts';
import { type SipRegistration, sipRegistration } from '#reload/wire/sip-registration.ts';

/** One way to a user agent of the callee. */
interface SipRoute {
  /** The AOR whose registration, or the GRUU whose list, led here. */
  readonly aor: Aor;
  readonly destinations: readonly Destination[];
  /** Whose certificate the connection must show; undefined when an opaque id hides it. */
  readonly nodeId: NodeId | undefined;
  /** A predicate of RFC 3840, perhaps empty. */
  readonly contactPrefs: string;
}

export interface Resolution {
  /** Without duplicates; all are to be tried at once (RFC 7904 §4.2). */
  readonly routes: readonly SipRoute[];
  /** URIs that belong to other domains: ordinary SIP (RFC 3263), not this overlay. */
  readonly external: readonly string[];
}

interface Deps {
  readonly records: RecordClient;
  readonly configuration: ConfigurationSource;
  readonly log: Logger;
}

/** The caller takes part in every retargeting, and so it can end loops and growth (RFC 7904 §8.2.1). */
const MAX_DEPTH = 8;
const MAX_BRANCHES = 16;
const MAX_FETCHES = 32;

interface Search {
  readonly routes: Map<string, SipRoute>;
  readonly external: Set<string>;
  readonly seen: Set<Aor>;
  readonly signal: AbortSignal | undefined;
}

/** Finds the ways to an AOR or GRUU through the registrations in the overlay (RFC 7904 §4). */
export class AorResolver {
  readonly #deps: Deps;

  constructor(deps: Deps) {
    this.#deps = deps;
  }

  /**
   * Both lists empty: nobody is registered. Rejects with `Failure<SipUsageFault>` when `target` is no AOR, and with
   * `Failure<ExchangeFault>` when the overlay can't be asked.
   */
  async resolve(target: string, signal?: AbortSignal): Promise<Resolution> {
    if (parseAor(target) === undefined) {
      throw new Failure<SipUsageFault>({ code: 'not-an-aor', text: target }, 'the address called is no SIP address');
    }
    const search: Search = { routes: new Map(), external: new Set(), seen: new Set(), signal };
    let targets: readonly string[] = [target];
    for (let depth = 0; depth < MAX_DEPTH && targets.length > 0; depth += 1) {
      const next: string[] = [];
      for (const uri of targets) next.push(...(await this.#follow(uri, search, depth)));
      targets = next;
    }
    return { routes: [...search.routes.values()], external: [...search.external] };
  }

  /** Takes one address as far as one Fetch leads; returns the addresses it is forwarded to. */
  async #follow(uri: string, search: Search, depth: number): Promise<readonly string[]> {
    const { configuration, log } = this.#deps;
    const aor = parseAor(uri);
    if (aor === undefined || isFull(search)) return [];
    const isOwnDomain = domainOf(aor) === configuration.current.instanceName.toLowerCase();
    const isHosted = isOwnDomain || registrableNames(configuration.current)(aor);
    const gruu = isHosted ? parseGruu(uri) : undefined;
    if (gruu !== undefined) {
      addRoute(search, { aor, destinations: gruu.destinations, contactPrefs: '' });
      return [];
    }
    if (!isHosted) {
      search.external.add(uri);
      return [];
    }
    if (search.seen.has(aor)) return [];
    search.seen.add(aor);
    try {
      const registrations = await this.#fetch(aor, search.signal);
      // Without a restriction every domain may be stored here, and most are not.
      if (registrations.length === 0 && !isOwnDomain) search.external.add(uri);
      return registrations.flatMap((registration) => next(search, aor, registration));
    } catch (thrown) {
      if (depth === 0 || search.signal?.aborted === true) throw thrown;
      log.info('a forwarding target could not be looked up', { aor, reason: printable(messageOf(thrown)) });
      return [];
    }
  }

  async #fetch(aor: Aor, signal: AbortSignal | undefined): Promise<readonly SipRegistration[]> {
    const { values } = await this.#deps.records.fetch({
      resource: hashToResourceId(aor),
      kind: KindId.sipRegistration,
      ...(signal === undefined ? {} : { signal }),
    });
    return values.flatMap(({ value }) => {
      try {
        return [decode(sipRegistration, value)];
      } catch (thrown) {
        this.#deps.log.debug('a registration is malformed', { aor, reason: printable(messageOf(thrown)) });
        return [];
      }
    });
  }
}

/** Unknown types of registration say nothing that could be used (RFC 7904 §3.2). */
function next(search: Search, aor: Aor, registration: SipRegistration): readonly string[] {
  if (registration.type === 'uri') return [registration.uri];
  if (registration.type === 'route') {
    const { destinationList: destinations, contactPrefs } = registration;
    addRoute(search, { aor, destinations, contactPrefs });
  }
  return [];
}

/** A registration and a GRUU may hold the same list: that is one branch (RFC 7904 §6). */
function addRoute(search: Search, route: Omit<SipRoute, 'nodeId'>): void {
  const key = toHex(encode(untilEnd(destination), route.destinations));
  const last = route.destinations.at(-1);
  if (isFull(search) || search.routes.has(key)) return;
  search.routes.set(key, { ...route, nodeId: last?.type === 'node' ? last.id : undefined });
}

function isFull({ routes, external, seen }: Search): boolean {
  return routes.size + external.size >= MAX_BRANCHES || seen.size >= MAX_FETCHES;
}
