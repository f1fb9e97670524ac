import { createHash } from 'node:crypto';
import type { SrvRecord } from 'node:dns';
import type { Clock } from '#platform/clock.ts';
import { type Random, randomBelow } from '#platform/random.ts';
import { enrollmentFailure } from '#reload/enrollment/fault.ts';
import { type Endpoint, fetchHttps, type HttpsDeps, presentedChain } from '#reload/enrollment/https-client.ts';
import { readDocument, type SignedConfiguration } from '#reload/overlay-config/document.ts';
import { acceptFirstConfiguration } from '#reload/security/configuration-signature.ts';

const SERVICE = '_reload-config._tcp';
const MAX_SERVERS = 4;

/** The root that vouches for a first document: its hash, from an invitation, or the certificate itself. */
export type RootTrust =
  | { readonly fingerprint: string }
  /** DER. */
  | { readonly certificate: Uint8Array };

export interface FetchDeps extends HttpsDeps {
  readonly clock: Clock;
  readonly random: Random;
  /** `dns.promises.resolveSrv`, or a stand-in. */
  readonly resolveSrv: (name: string) => Promise<readonly SrvRecord[]>;
}

export interface ConfigurationRequest {
  readonly overlayName: string;
  /** A provisioned URL; without it the server is found by the overlay name (RFC 6940 §11.2). */
  readonly url?: string | undefined;
  readonly trust: RootTrust;
}

export interface FetchedConfiguration {
  readonly signed: SignedConfiguration;
  /** The root that was trusted, DER. */
  readonly root: Uint8Array;
}

/** Finds the configuration server, gets the document over HTTPS and checks its signature. Rejects with `Failure<EnrollmentFault | ConfigurationFault>`. */
export async function fetchFirstConfiguration(
  deps: FetchDeps,
  request: ConfigurationRequest,
): Promise<FetchedConfiguration> {
  const url = request.url ?? `https://${request.overlayName}/.well-known/reload-config`;
  const endpoints = request.url === undefined ? await findServers(deps, request.overlayName) : [undefined];
  let reason: unknown;
  for (const endpoint of endpoints.slice(0, MAX_SERVERS)) {
    try {
      return await fetchFrom(deps, { ...request, url, endpoint });
    } catch (thrown) {
      reason ??= thrown;
    }
  }
  throw reason;
}

async function fetchFrom(
  deps: FetchDeps,
  request: ConfigurationRequest & { readonly url: string; readonly endpoint: Endpoint | undefined },
): Promise<FetchedConfiguration> {
  const { url, endpoint, trust, overlayName } = request;
  const presented = 'certificate' in trust ? [trust.certificate] : await presentedChain({ url, endpoint }, deps);
  const pinned = presented.find((der) => isTrusted(der, trust));
  const answer = await fetchHttps({ url, method: 'GET', endpoint, roots: pinned === undefined ? [] : [pinned] }, deps);
  if (answer.status !== 200)
    throw enrollmentFailure(
      { code: 'http', status: answer.status },
      `${url} answered with status ${answer.status} instead of a configuration document.`,
    );
  const root = pinned ?? rootInDocument(answer.body, overlayName, trust);
  const signed = acceptFirstConfiguration(answer.body, overlayName, { clock: deps.clock, trustedRoot: root });
  return { signed, root };
}

/** A server with a public certificate does not present the overlay's root; then the document has to hold it. */
function rootInDocument(document: Uint8Array, overlayName: string, trust: RootTrust): Uint8Array {
  const root = readDocument(document, overlayName).configuration.rootCerts.find((der) => isTrusted(der, trust));
  if (root === undefined)
    throw enrollmentFailure(
      { code: 'untrusted-root' },
      "Neither the server nor its document has the root certificate the invitation names. Don't go on; ask the operator.",
    );
  return root;
}

function isTrusted(der: Uint8Array, trust: RootTrust): boolean {
  const fingerprint = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');
  return fingerprint(der) === ('certificate' in trust ? fingerprint(trust.certificate) : trust.fingerprint);
}

/** SRV targets in the order of RFC 2782; without records the overlay name itself is tried. */
async function findServers(deps: FetchDeps, overlayName: string): Promise<readonly (Endpoint | undefined)[]> {
  let records: readonly SrvRecord[];
  try {
    records = await deps.resolveSrv(`${SERVICE}.${overlayName}`);
  } catch {
    records = [];
  }
  if (records.length > 0 && records.every(({ name }) => name === '' || name === '.'))
    // RFC 2782: the target "." says that the service is decidedly not available.
    throw enrollmentFailure({ code: 'no-server' }, `DNS says that ${overlayName} has no configuration server.`);
  if (records.length === 0) return [undefined];
  return orderByWeight(records.slice(0, 64), deps.random).map(({ name, port }) => ({ host: name, port }));
}

function orderByWeight(records: readonly SrvRecord[], random: Random): readonly SrvRecord[] {
  const waiting = records.toSorted((a, b) => a.priority - b.priority || a.weight - b.weight);
  const ordered: SrvRecord[] = [];
  while (waiting[0] !== undefined) {
    const group = waiting.filter((record) => record.priority === waiting[0]?.priority);
    let draw = randomBelow(random, group.reduce((sum, record) => sum + record.weight, 0) + 1);
    const chosen = group.find((record) => {
      draw -= record.weight;
      return draw <= 0;
    });
    const next = chosen ?? waiting[0];
    ordered.push(next);
    waiting.splice(waiting.indexOf(next), 1);
  }
  return ordered;
}
