import { Failure } from '#platform/failure.ts';
import type { KindConfiguration, OverlayConfiguration } from '#reload/overlay-config/configuration.ts';
import { badValue, type ConfigurationFault } from '#reload/overlay-config/fault.ts';
import { readKind } from '#reload/overlay-config/kind-element.ts';
import { BASE_NAMESPACE } from '#reload/overlay-config/namespaces.ts';
import { kindBlocksOf, readConfiguration, readInstanceName } from '#reload/overlay-config/read-configuration.ts';
import { base, base64Of, childrenOf, optionalChild, requiredChild } from '#reload/overlay-config/values.ts';
import { readXml, type XmlElement } from '#reload/overlay-config/xml.ts';

/** A `configuration` element with what is needed to check its signatures. Nothing has been checked yet. */
export interface SignedConfiguration {
  /** The whole document as received. */
  readonly document: Uint8Array;
  readonly configuration: OverlayConfiguration;
  /** From the `<` of `<configuration` to the `>` of `</configuration>`, as the signature covers it (RFC 6940 §11.1). */
  readonly signedBytes: Uint8Array;
  /** Encoded SecurityBlocks of the `signature` elements that follow. */
  readonly signatures: readonly Uint8Array[];
  readonly kindBlocks: readonly SignedKind[];
}

export interface SignedKind {
  readonly kind: KindConfiguration;
  /** The bytes of the `kind-block` element. */
  readonly block: Uint8Array;
  /** The bytes of the `kind` element. */
  readonly signedBytes: Uint8Array;
  /** Encoded SecurityBlock, or undefined when the block has none. */
  readonly signature: Uint8Array | undefined;
}

/**
 * Picks the configuration of one overlay out of a document, which may hold several (RFC 6940 §11.1). Without `overlayName` the
 * document has to hold exactly one. Throws `Failure<ConfigurationFault>`.
 */
export function readDocument(document: Uint8Array, overlayName?: string): SignedConfiguration {
  const overlay = readXml(document);
  if (overlay.namespace !== BASE_NAMESPACE || overlay.name !== 'overlay')
    throw badValue('the root element', `overlay of namespace ${BASE_NAMESPACE}`);
  const candidates = childrenOf(overlay, base('configuration'));
  const wanted = candidates.filter(
    (candidate) => overlayName === undefined || readInstanceName(candidate) === overlayName,
  );
  const [element] = wanted;
  if (element === undefined || wanted.length > 1) throw wrongOverlay(overlayName, candidates);
  return {
    document,
    configuration: readConfiguration(element),
    signedBytes: document.subarray(element.start, element.end),
    signatures: signaturesAfter(element, overlay).map(base64Of),
    kindBlocks: kindBlocksOf(element).map((block) => signedKind(block, document)),
  };
}

/** Reads one `kind-block` that travels alone, as in a ConfigUpdate of type kind (RFC 6940 §6.5.4.1). */
export function readKindBlock(bytes: Uint8Array): SignedKind {
  const block = readXml(bytes, { '': BASE_NAMESPACE });
  if (block.namespace !== BASE_NAMESPACE || block.name !== 'kind-block')
    throw badValue('the root element', 'kind-block');
  return signedKind(block, bytes);
}

function signedKind(block: XmlElement, bytes: Uint8Array): SignedKind {
  const element = requiredChild(block, base('kind'));
  const signature = optionalChild(block, base('kind-signature'));
  return {
    kind: readKind(element),
    block: bytes.subarray(block.start, block.end),
    signedBytes: bytes.subarray(element.start, element.end),
    signature: signature === undefined ? undefined : base64Of(signature),
  };
}

function signaturesAfter(configuration: XmlElement, overlay: XmlElement): readonly XmlElement[] {
  const following = overlay.children.slice(overlay.children.indexOf(configuration) + 1);
  const end = following.findIndex((child) => child.namespace !== BASE_NAMESPACE || child.name !== 'signature');
  return end < 0 ? following : following.slice(0, end);
}

function wrongOverlay(overlayName: string | undefined, candidates: readonly XmlElement[]): Failure<ConfigurationFault> {
  const found = candidates.slice(0, 8).map((candidate) => candidate.attributes.get('instance-name') ?? '');
  const expected = overlayName ?? 'exactly one configuration';
  return new Failure<ConfigurationFault>(
    { code: 'wrong-overlay', expected, found },
    `Configuration document: wanted ${expected}, found ${found.length === 0 ? 'none' : found.map((name) => JSON.stringify(name)).join(', ')}. Check the overlay name and the document's origin.`,
  );
}
