import type { KindConfiguration, OverlayConfiguration } from '#reload/overlay-config/configuration.ts';
import { REDIR_NAMESPACE, SIP_NAMESPACE } from '#reload/overlay-config/namespaces.ts';
import { REGISTERED_KINDS } from '#reload/overlay-config/registered-kinds.ts';
import { KindId } from '#reload/wire/codes.ts';

/** What distinguishes one new overlay from another. */
export type OverlayChoices = Pick<OverlayConfiguration, 'instanceName' | 'rootCerts' | 'configurationSigners'> &
  Partial<OverlayConfiguration>;

/**
 * The first configuration of a new overlay. Messages may have 64 KiB: with RSA-2048, four entries of a ReDiR tree node would not
 * fit into the 5000 bytes that RFC 6940 has by default. No link type with ICE exists here yet, hence `noIce`.
 */
export function newConfiguration(choices: OverlayChoices): OverlayConfiguration {
  const pstnDomain = choices.pstnDomain ?? `pstn.${choices.instanceName}`;
  return {
    sequence: 0,
    expiration: undefined,
    topologyPlugin: 'CHORD-RELOAD',
    nodeIdLength: 16,
    enrollmentServers: [],
    selfSignedDigest: undefined,
    bootstrapNodes: [],
    multicastBootstrap: [],
    turnDensity: 0,
    clientsPermitted: true,
    noIce: true,
    sharedSecret: undefined,
    maxMessageSize: 65_536,
    initialTtl: initialTtlFor(EXPECTED_PEERS),
    reliabilityTimer: 3000,
    linkProtocols: ['TLS'],
    kindSigners: choices.configurationSigners,
    badNodes: [],
    mandatoryExtensions: [SIP_NAMESPACE, REDIR_NAMESPACE],
    kinds: requiredKinds([choices.instanceName, pstnDomain]),
    unknownKinds: [],
    chordUpdateInterval: 600,
    chordPingInterval: 3600,
    chordReactive: true,
    gatewayPrefixLengths: [0, 1, 2, 3],
    ...choices,
    pstnDomain,
  };
}

/** More than any overlay has that nobody gave a number for. */
const EXPECTED_PEERS = 1_000_000;

/**
 * A little more hops than any message of a ring with so many peers takes: a looping one ends soon (RFC 6940 §13.6.5, which has
 * log2(N) + 5 for CHORD-RELOAD).
 */
export function initialTtlFor(peers: number): number {
  return Math.min(255, Math.ceil(Math.log2(Math.max(1, peers))) + 5);
}

/** Every Kind the usages store. SIP registrations are taken for names of `domains` only. */
function requiredKinds(domains: readonly string[]): readonly KindConfiguration[] {
  const patterns = domains.map((domain) => domain.replaceAll('.', '\\.'));
  return [
    registered('SIP-REGISTRATION', { maxCount: 32, maxSize: 2048, domainRestriction: { enable: true, patterns } }),
    registered('TURN-SERVICE', { maxCount: 1, maxSize: 64, maxNodeMultiple: 20 }),
    registered('CERTIFICATE_BY_NODE', { maxCount: 8, maxSize: 8192 }),
    registered('CERTIFICATE_BY_USER', { maxCount: 8, maxSize: 8192 }),
    registered('REDIR', { maxCount: 64, maxSize: 1024, branchingFactor: 10 }),
    privateKind(KindId.pstnGateway, 4096),
    privateKind(KindId.sipProxy, 2048),
  ];
}

type Limits = Pick<KindConfiguration, 'maxCount' | 'maxSize'> & Partial<KindConfiguration>;

function registered(name: string, limits: Limits): KindConfiguration {
  const { id, dataModel, accessControl } = REGISTERED_KINDS.get(name) ?? {
    id: 0,
    dataModel: 'SINGLE',
    accessControl: '',
  };
  return { ...NO_EXTENSIONS, id, name, dataModel, accessControl, ...limits };
}

/** One record per node under its own Node-ID. */
function privateKind(id: number, maxSize: number): KindConfiguration {
  return {
    ...NO_EXTENSIONS,
    id,
    name: undefined,
    dataModel: 'SINGLE',
    accessControl: 'NODE-MATCH',
    maxCount: 1,
    maxSize,
  };
}

const NO_EXTENSIONS = { maxNodeMultiple: undefined, domainRestriction: undefined, branchingFactor: undefined } as const;
