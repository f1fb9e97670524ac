import type { KindConfiguration, OverlayConfiguration } from '#reload/overlay-config/configuration.ts';
import { badValue, missing } from '#reload/overlay-config/fault.ts';
import {
  type KindExtensions,
  readKind,
  readKindExtensions,
  unknownNameOf,
} from '#reload/overlay-config/kind-element.ts';
import { CHORD_NAMESPACE, COPPERRING_NAMESPACE } from '#reload/overlay-config/namespaces.ts';
import * as values from '#reload/overlay-config/values.ts';
import type { XmlElement } from '#reload/overlay-config/xml.ts';
import type { NodeId } from '#reload/wire/ids.ts';

const { base } = values;
const INT = { least: 1, most: 2 ** 31 - 1 };
const DEFAULT_PEER_PORT = 6084;
const MAX_SEQUENCE = 65534;
const MAX_KINDS = 256;
const MAX_GROUPS = 8;

/** Reads one `configuration` element with all defaults (RFC 6940 §11.1). Unknown elements are left to `requireSupported`. */
export function readConfiguration(element: XmlElement): OverlayConfiguration {
  const instanceName = readInstanceName(element);
  const nodeIdLength = values.optionalInteger(element, base('node-id-length'), { least: 16, most: 20 }) ?? 16;
  const expiration = element.attributes.get('expiration');
  return {
    instanceName,
    sequence: readSequence(element),
    expiration: expiration === undefined ? undefined : values.utcTimeOf(expiration.trim(), 'attribute expiration'),
    topologyPlugin: optionalText(element, 'topology-plugin', 'topology-plug-in') ?? 'CHORD-RELOAD',
    nodeIdLength,
    ...readCredentials(element),
    ...readNetwork(element),
    multicastBootstrap: readGroups(element),
    configurationSigners: nodeIds(element, 'configuration-signer', nodeIdLength),
    kindSigners: nodeIds(element, 'kind-signer', nodeIdLength),
    badNodes: nodeIds(element, 'bad-node', nodeIdLength),
    mandatoryExtensions: texts(element, 'mandatory-extension'),
    kinds: readKinds(element),
    unknownKinds: requiredBlocks(element).flatMap((block) => unknownNameOf(kindIn(block)) ?? []),
    ...readChord(element),
    ...readGatewaySettings(element, instanceName),
  };
}

/** The `kind-block` elements of a `configuration` whose Kinds this program knows, in document order. */
export function kindBlocksOf(configuration: XmlElement): readonly XmlElement[] {
  return requiredBlocks(configuration).filter((block) => unknownNameOf(kindIn(block)) === undefined);
}

function requiredBlocks(configuration: XmlElement): readonly XmlElement[] {
  const required = values.optionalChild(configuration, base('required-kinds'));
  const blocks = required === undefined ? [] : values.childrenOf(required, base('kind-block'));
  if (blocks.length > MAX_KINDS) throw badValue('required-kinds', `of at most ${MAX_KINDS} Kinds`);
  return blocks;
}

function kindIn(block: XmlElement): XmlElement {
  return values.requiredChild(block, base('kind'));
}

export function readInstanceName(element: XmlElement): string {
  const name = element.attributes.get('instance-name');
  if (name === undefined) throw missing('attribute instance-name');
  return values.domainOf(name, 'attribute instance-name');
}

/** A missing sequence counts as 0, as in the RFC's own second example. */
function readSequence(element: XmlElement): number {
  return values.integerOf(element.attributes.get('sequence') ?? '0', 'attribute sequence', {
    least: 0,
    most: MAX_SEQUENCE,
  });
}

function readCredentials(element: XmlElement) {
  return {
    rootCerts: values.childrenOf(element, base('root-cert')).map(values.base64Of),
    enrollmentServers: values.childrenOf(element, base('enrollment-server')).map(readUrl),
    selfSignedDigest: readSelfSigned(element),
    sharedSecret: optionalText(element, 'shared-secret'),
  };
}

/** The grammar has the URL as text, the prose in a `url` element; both are taken. */
function readUrl(element: XmlElement): string {
  const nested = values.optionalChild(element, base('url'));
  return values.httpsUrlOf(values.textOf(nested ?? element), element.name);
}

function readSelfSigned(element: XmlElement): OverlayConfiguration['selfSignedDigest'] {
  const permitted = values.optionalChild(element, base('self-signed-permitted'));
  if (permitted === undefined || !values.booleanOf(permitted.text, permitted.name)) return undefined;
  const digest = permitted.attributes.get('digest')?.trim();
  if (digest === 'sha1' || digest === 'sha256') return digest;
  throw badValue('attribute digest of self-signed-permitted', 'sha1 or sha256');
}

function readNetwork(element: XmlElement) {
  const links = texts(element, 'overlay-link-protocol');
  return {
    bootstrapNodes: values.childrenOf(element, base('bootstrap-node')).map(readBootstrapNode),
    turnDensity: values.optionalInteger(element, base('turn-density'), { least: 0, most: 255 }) ?? 1,
    clientsPermitted: values.optionalBoolean(element, base('clients-permitted')) ?? true,
    noIce: values.optionalBoolean(element, base('no-ice')) ?? false,
    maxMessageSize: values.optionalInteger(element, base('max-message-size'), { least: 1, most: 0xffffffff }) ?? 5000,
    initialTtl: values.optionalInteger(element, base('initial-ttl'), { least: 1, most: 255 }) ?? 100,
    reliabilityTimer:
      values.optionalInteger(element, base('overlay-reliability-timer'), { ...INT, least: 200 }) ?? 3000,
    linkProtocols: links.length === 0 ? ['TLS'] : links,
  };
}

function readBootstrapNode(element: XmlElement): { address: string; port: number } {
  const address = element.attributes.get('address');
  if (address === undefined) throw missing(`attribute address of ${element.name}`);
  const port = element.attributes.get('port') ?? String(DEFAULT_PEER_PORT);
  return {
    address: values.ipAddressOf(address.trim(), `attribute address of ${element.name}`),
    port: values.integerOf(port, `attribute port of ${element.name}`, { least: 1, most: 65535 }),
  };
}

function readGroups(element: XmlElement): readonly { address: string; port: number }[] {
  const name = 'multicast-bootstrap';
  const groups = values.childrenOf(element, { namespace: COPPERRING_NAMESPACE, names: [name] }).map(readBootstrapNode);
  if (groups.length > MAX_GROUPS) throw badValue(name, `present at most ${MAX_GROUPS} times`);
  for (const { address } of groups) {
    if (!values.isMulticast(address)) throw badValue(`attribute address of ${name}`, 'an IPv4 or IPv6 multicast group');
  }
  return groups;
}

function readChord(element: XmlElement) {
  const chord = (name: string) => ({ namespace: CHORD_NAMESPACE, names: [name] });
  return {
    chordUpdateInterval: values.optionalInteger(element, chord('chord-update-interval'), INT) ?? 600,
    chordPingInterval: values.optionalInteger(element, chord('chord-ping-interval'), INT) ?? 3600,
    chordReactive: values.optionalBoolean(element, chord('chord-reactive')) ?? true,
  };
}

function readGatewaySettings(element: XmlElement, instanceName: string) {
  const own = (name: string) => ({ namespace: COPPERRING_NAMESPACE, names: [name] });
  const domain = values.optionalChild(element, own('pstn-domain'));
  const lengths = values.optionalChild(element, own('gateway-prefix-lengths'));
  const digitCounts = lengths === undefined ? ['0', '1', '2', '3'] : values.textOf(lengths).split(/\s+/, 17);
  return {
    pstnDomain: domain === undefined ? `pstn.${instanceName}` : values.domainOf(values.textOf(domain), 'pstn-domain'),
    gatewayPrefixLengths: digitCounts.map((text) =>
      values.integerOf(text, 'gateway-prefix-lengths', { least: 0, most: 15 }),
    ),
  };
}

function readKinds(element: XmlElement): readonly KindConfiguration[] {
  const kinds = kindBlocksOf(element).map((block) => readKind(kindIn(block)));
  const ids = new Set(kinds.map((kind) => kind.id));
  if (ids.size !== kinds.length) throw badValue('required-kinds', 'without two definitions of one Kind');
  return withExtensions(kinds, readKindExtensions(element));
}

/** Two grammars put a Kind's extension beside the Kinds; it belongs to the Kind all the same (RFC 7904 §3.4, RFC 7374 §8). */
function withExtensions(kinds: readonly KindConfiguration[], beside: KindExtensions): readonly KindConfiguration[] {
  return kinds.map((kind) => {
    if (kind.name === 'SIP-REGISTRATION')
      return { ...kind, domainRestriction: kind.domainRestriction ?? beside.domainRestriction };
    if (kind.name === 'REDIR')
      return { ...kind, branchingFactor: kind.branchingFactor ?? beside.branchingFactor ?? 10 };
    return kind;
  });
}

function optionalText(element: XmlElement, ...names: readonly string[]): string | undefined {
  const child = values.optionalChild(element, base(...names));
  return child === undefined ? undefined : values.textOf(child);
}

function texts(element: XmlElement, name: string): readonly string[] {
  return values.childrenOf(element, base(name)).map(values.textOf);
}

function nodeIds(element: XmlElement, name: string, length: number): readonly NodeId[] {
  return values.childrenOf(element, base(name)).map((child) => values.nodeIdOf(child, length));
}
