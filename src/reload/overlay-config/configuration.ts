import type { NodeId } from '#reload/wire/ids.ts';

export type DataModelName = 'SINGLE' | 'ARRAY' | 'DICTIONARY';

/** The content of one `<configuration>` element (RFC 6940 §11.1), defaults filled in. */
export interface OverlayConfiguration {
  readonly instanceName: string;
  /** 0..65534 (RFC 6940 §6.3.2.1). */
  readonly sequence: number;
  /** Milliseconds since 1970, or undefined when the document never expires. */
  readonly expiration: number | undefined;
  readonly topologyPlugin: string;
  readonly nodeIdLength: number;
  /** DER. */
  readonly rootCerts: readonly Uint8Array[];
  readonly enrollmentServers: readonly string[];
  readonly selfSignedDigest: 'sha1' | 'sha256' | undefined;
  readonly bootstrapNodes: readonly { readonly address: string; readonly port: number }[];
  /** Multicast groups at which peers answer searches for the overlay (RFC 7890 §5.4, docs/ARCHITECTURE.md). */
  readonly multicastBootstrap: readonly { readonly address: string; readonly port: number }[];
  readonly turnDensity: number;
  readonly clientsPermitted: boolean;
  readonly noIce: boolean;
  readonly sharedSecret: string | undefined;
  readonly maxMessageSize: number;
  readonly initialTtl: number;
  /** Milliseconds, at least 200. */
  readonly reliabilityTimer: number;
  readonly linkProtocols: readonly string[];
  readonly configurationSigners: readonly NodeId[];
  readonly kindSigners: readonly NodeId[];
  readonly badNodes: readonly NodeId[];
  readonly mandatoryExtensions: readonly string[];
  readonly kinds: readonly KindConfiguration[];
  /** Names of required Kinds that this program does not know. */
  readonly unknownKinds: readonly string[];
  /** Seconds. */
  readonly chordUpdateInterval: number;
  readonly chordPingInterval: number;
  readonly chordReactive: boolean;
  /** Names in this domain belong to gateways; by default `pstn.<instance-name>` (docs/ARCHITECTURE.md). */
  readonly pstnDomain: string;
  /** Digit counts of E.164 prefixes for which gateways may open ReDiR namespaces; 0 stands for any destination. */
  readonly gatewayPrefixLengths: readonly number[];
}

export interface KindConfiguration {
  readonly id: number;
  readonly name: string | undefined;
  readonly dataModel: DataModelName;
  readonly accessControl: string;
  readonly maxCount: number;
  readonly maxSize: number;
  readonly maxNodeMultiple: number | undefined;
  /** RFC 7904 §3.2: undefined when the element is absent. */
  readonly domainRestriction: { readonly enable: boolean; readonly patterns: readonly string[] } | undefined;
  /** RFC 7374 §4.3. */
  readonly branchingFactor: number | undefined;
}

/** The document in force; follows configuration updates. */
export interface ConfigurationSource {
  readonly current: OverlayConfiguration;
  /** The document's original bytes, as signatures cover them and ConfigUpdate carries them. */
  readonly bytes: Uint8Array;
  onChange(listener: (configuration: OverlayConfiguration) => void): void;
}
