import type { KindConfiguration, OverlayConfiguration } from '#reload/overlay-config/configuration.ts';
import {
  BASE_NAMESPACE,
  CHORD_NAMESPACE,
  COPPERRING_NAMESPACE,
  REDIR_NAMESPACE,
  SIP_NAMESPACE,
} from '#reload/overlay-config/namespaces.ts';

/** One `kind` element, to be signed as it is. Namespaces are declared inside, so that the signature covers them. */
export function printKind(kind: KindConfiguration): string {
  const which = kind.name === undefined ? `id="${kind.id}"` : `name="${escapeXml(kind.name)}"`;
  const lines = [
    `<kind ${which}>`,
    element('data-model', kind.dataModel),
    element('access-control', kind.accessControl),
    element('max-count', kind.maxCount),
    element('max-size', kind.maxSize),
    ...optional('max-node-multiple', kind.maxNodeMultiple),
    ...printDomainRestriction(kind.domainRestriction),
    ...(kind.branchingFactor === undefined
      ? []
      : [`<branching-factor xmlns="${REDIR_NAMESPACE}">${kind.branchingFactor}</branching-factor>`]),
    '</kind>',
  ];
  return lines.join('\n');
}

/** A `kind` element as signed, and its SecurityBlock. */
export interface PrintedKind {
  readonly xml: string;
  readonly signature: Uint8Array;
}

/** The `configuration` element, to be signed as it is (RFC 6940 §11.1). The Kinds in force are those of `kinds`. */
export function printConfiguration(configuration: OverlayConfiguration, kinds: readonly PrintedKind[]): string {
  const attributes = [
    `xmlns="${BASE_NAMESPACE}"`,
    `xmlns:chord="${CHORD_NAMESPACE}"`,
    `xmlns:copperring="${COPPERRING_NAMESPACE}"`,
    `instance-name="${escapeXml(configuration.instanceName)}"`,
    `sequence="${configuration.sequence}"`,
    ...(configuration.expiration === undefined
      ? []
      : [`expiration="${new Date(configuration.expiration).toISOString()}"`]),
  ];
  return [
    `<configuration ${attributes.join(' ')}>`,
    ...printSettings(configuration),
    ...printMembers(configuration),
    '<required-kinds>',
    ...kinds.flatMap(({ xml, signature }) => [
      '<kind-block>',
      xml,
      element('kind-signature', base64(signature)),
      '</kind-block>',
    ]),
    '</required-kinds>',
    '</configuration>',
  ].join('\n');
}

/** A document of one configuration and its signatures, of which one is enough (RFC 6940 §11.1). */
export function printDocument(configurationXml: string, ...signatures: readonly Uint8Array[]): Uint8Array {
  return new TextEncoder().encode(
    [
      '<?xml version="1.0" encoding="UTF-8"?>',
      `<overlay xmlns="${BASE_NAMESPACE}">`,
      configurationXml,
      ...signatures.map((signature) => element('signature', base64(signature))),
      '</overlay>',
      '',
    ].join('\n'),
  );
}

function printSettings(c: OverlayConfiguration): readonly string[] {
  return [
    element('topology-plugin', c.topologyPlugin),
    element('node-id-length', c.nodeIdLength),
    ...c.rootCerts.map((der) => element('root-cert', base64(der))),
    ...c.enrollmentServers.map((url) => element('enrollment-server', url)),
    ...(c.selfSignedDigest === undefined
      ? []
      : [`<self-signed-permitted digest="${c.selfSignedDigest}">true</self-signed-permitted>`]),
    ...c.bootstrapNodes.map(({ address, port }) => `<bootstrap-node address="${escapeXml(address)}" port="${port}"/>`),
    element('turn-density', c.turnDensity),
    element('clients-permitted', c.clientsPermitted),
    element('no-ice', c.noIce),
    ...optional('shared-secret', c.sharedSecret),
    element('max-message-size', c.maxMessageSize),
    element('initial-ttl', c.initialTtl),
    element('overlay-reliability-timer', c.reliabilityTimer),
    ...c.linkProtocols.map((name) => element('overlay-link-protocol', name)),
    element('chord:chord-update-interval', c.chordUpdateInterval),
    element('chord:chord-ping-interval', c.chordPingInterval),
    element('chord:chord-reactive', c.chordReactive),
    ...c.multicastBootstrap.map(
      ({ address, port }) => `<copperring:multicast-bootstrap address="${escapeXml(address)}" port="${port}"/>`,
    ),
    element('copperring:pstn-domain', c.pstnDomain),
    element('copperring:gateway-prefix-lengths', c.gatewayPrefixLengths.join(' ')),
  ];
}

function printMembers(c: OverlayConfiguration): readonly string[] {
  return [
    ...c.configurationSigners.map((id) => element('configuration-signer', id)),
    ...c.kindSigners.map((id) => element('kind-signer', id)),
    ...c.badNodes.map((id) => element('bad-node', id)),
    ...c.mandatoryExtensions.map((name) => element('mandatory-extension', name)),
  ];
}

function printDomainRestriction(restriction: KindConfiguration['domainRestriction']): readonly string[] {
  if (restriction === undefined) return [];
  return [
    `<domain-restriction xmlns="${SIP_NAMESPACE}" enable="${restriction.enable}">`,
    ...restriction.patterns.map((pattern) => element('pattern', pattern)),
    '</domain-restriction>',
  ];
}

function element(name: string, content: string | number | boolean): string {
  return `<${name}>${escapeXml(String(content))}</${name}>`;
}

function optional(name: string, content: string | number | undefined): readonly string[] {
  return content === undefined ? [] : [element(name, content)];
}

function escapeXml(text: string): string {
  return text.replace(/[&<>"]/g, (c) => `&#${c.charCodeAt(0)};`);
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64');
}
