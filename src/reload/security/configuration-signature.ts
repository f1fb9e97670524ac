import type { Clock } from '#platform/clock.ts';
import { Failure, messageOf } from '#platform/failure.ts';
import type { OverlayConfiguration } from '#reload/overlay-config/configuration.ts';
import { type AddedKind, CurrentConfiguration, isNewerSequence } from '#reload/overlay-config/current-configuration.ts';
import {
  readDocument,
  readKindBlock,
  type SignedConfiguration,
  type SignedKind,
} from '#reload/overlay-config/document.ts';
import { type ConfigurationFault, unsupported } from '#reload/overlay-config/fault.ts';
import { ACCESS_POLICIES } from '#reload/overlay-config/registered-kinds.ts';
import { requireSupported } from '#reload/overlay-config/support.ts';
import { CertificateVerifier } from '#reload/security/certificate-verifier.ts';
import type { Signatory, SignatureInput, Signer, Verifier } from '#reload/security/identity.ts';
import { withoutDisownedKinds } from '#reload/security/kind-signature.ts';
import { bareElementSignatureInput, elementSignatureInput } from '#reload/security/signature-input.ts';
import { decode, encode } from '#reload/wire/codec.ts';
import { CertificateType } from '#reload/wire/codes.ts';
import type { NodeId } from '#reload/wire/ids.ts';
import { type SecurityBlock, securityBlock } from '#reload/wire/security-block.ts';

const MAX_SIGNATURES = 8;

/** Signs the bytes of a `configuration` or `kind` element; the result goes into the document in base64 (RFC 6940 §11.1). */
export function signElement(signer: Signer, elementBytes: Uint8Array): Uint8Array {
  const certificates = [signer.certificate.der, ...signer.chain].map((certificate) => ({
    type: CertificateType.x509,
    certificate,
  }));
  return encode(securityBlock, { certificates, signature: signer.sign(elementSignatureInput(elementBytes)) });
}

/**
 * The first document of an overlay, trusted because its signer chains to `trustedRoot`, which came with the invitation: a document
 * can't vouch for itself. Throws `Failure<ConfigurationFault>`.
 */
export function acceptFirstConfiguration(
  document: Uint8Array,
  overlayName: string | undefined,
  trust: { readonly clock: Clock; readonly trustedRoot: Uint8Array },
): SignedConfiguration {
  const signed = readDocument(document, overlayName);
  const { configuration } = signed;
  const pinned = { ...configuration, rootCerts: [trust.trustedRoot], selfSignedDigest: undefined };
  const verifier = verifierFor(pinned, document, trust.clock);
  requireSignature(signed, verifier, configuration.configurationSigners);
  return usable(signed, trust.clock);
}

/**
 * A document that is to follow the one in force: newer, and signed by a configuration-signer of the one in force
 * (RFC 6940 §11.1). Nothing is changed; throws `Failure<ConfigurationFault>`. The code `unsupported` says that only this node can't
 * follow: everything else about the document is good.
 */
export function acceptNextConfiguration(
  document: Uint8Array,
  inForce: { readonly configuration: OverlayConfiguration; readonly verifier: Verifier; readonly clock: Clock },
): SignedConfiguration {
  const current = inForce.configuration;
  const signed = readDocument(document, current.instanceName);
  requireNewer(signed, current);
  requireSignature(signed, inForce.verifier, current.configurationSigners);
  return usable(signed, inForce.clock);
}

/**
 * A document that was fetched anew by a member: newer, and acceptable as a first one under one of the roots in force. Throws
 * `Failure<ConfigurationFault>`.
 */
export function acceptFetchedConfiguration(
  document: Uint8Array,
  { configuration, clock }: { readonly configuration: OverlayConfiguration; readonly clock: Clock },
): SignedConfiguration {
  const { instanceName, rootCerts } = configuration;
  requireNewer(readDocument(document, instanceName), configuration);
  let reason: unknown = signatureFault('signature', "can't be checked: the document in force has no root-cert");
  for (const trustedRoot of rootCerts) {
    try {
      return acceptFirstConfiguration(document, instanceName, { clock, trustedRoot });
    } catch (thrown) {
      if (!(thrown instanceof Failure && thrown.code === 'signature')) throw thrown;
      reason = thrown;
    }
  }
  throw reason;
}

/**
 * A Kind that travels without a document (RFC 6940 §6.5.4.1), signed by a kind-signer of the configuration in force. Throws
 * `Failure<ConfigurationFault>`.
 */
export function acceptKind(
  bytes: Uint8Array,
  inForce: { readonly configuration: OverlayConfiguration; readonly verifier: Verifier },
): AddedKind {
  const block = readKindBlock(bytes);
  const signer = requireKindSignature(block, inForce.verifier, inForce.configuration.kindSigners);
  if (!ACCESS_POLICIES.has(block.kind.accessControl))
    throw unsupported(`access-control ${block.kind.accessControl.slice(0, 40)}`, 'is not implemented');
  return { kind: block.kind, block: bytes, signer };
}

/** Checks the signature of one Kind, and returns which kind-signer made it (RFC 6940 §11.1). Throws `Failure<ConfigurationFault>`. */
export function requireKindSignature(block: SignedKind, verifier: Verifier, kindSigners: readonly NodeId[]): NodeId {
  const at = `kind-signature of Kind ${block.kind.name ?? block.kind.id}`;
  if (block.signature === undefined) throw signatureFault(at, 'is missing');
  return verifyElement(block.signature, block.signedBytes, { verifier, signers: kindSigners, at });
}

function requireNewer({ configuration }: SignedConfiguration, current: OverlayConfiguration): void {
  const offered = configuration.sequence;
  if (isNewerSequence(offered, current.sequence)) return;
  throw new Failure<ConfigurationFault>(
    { code: 'stale', current: current.sequence, offered },
    `Configuration document: sequence ${offered} does not follow ${current.sequence}.`,
  );
}

function requireSignature(signed: SignedConfiguration, verifier: Verifier, signers: readonly NodeId[]): void {
  const reasons: unknown[] = [];
  for (const signature of signed.signatures.slice(0, MAX_SIGNATURES)) {
    try {
      verifyElement(signature, signed.signedBytes, { verifier, signers, at: 'signature' });
      return;
    } catch (reason) {
      reasons.push(reason);
    }
  }
  throw reasons[0] ?? signatureFault('signature', 'is missing');
}

/** Kinds are checked under the document itself: its roots and its kind-signers count from now on. */
function usable(whole: SignedConfiguration, clock: Clock): SignedConfiguration {
  const signed = withoutDisownedKinds(whole);
  const { configuration } = signed;
  if (configuration.expiration !== undefined && configuration.expiration <= clock.now())
    throw new Failure<ConfigurationFault>(
      { code: 'expired', expiration: configuration.expiration },
      `Configuration document: it expired on ${new Date(configuration.expiration).toISOString()}. Check the clock, or fetch a new one.`,
    );
  const verifier = verifierFor(configuration, signed.document, clock);
  for (const block of signed.kindBlocks) requireKindSignature(block, verifier, configuration.kindSigners);
  requireSupported(configuration);
  return signed;
}

function verifierFor(configuration: OverlayConfiguration, document: Uint8Array, clock: Clock): Verifier {
  return new CertificateVerifier({ clock, configuration: new CurrentConfiguration({ configuration, document }) });
}

function verifyElement(
  encoded: Uint8Array,
  bytes: Uint8Array,
  by: { readonly verifier: Verifier; readonly signers: readonly NodeId[]; readonly at: string },
): NodeId {
  const block = readBlock(encoded, by.at);
  const certificates = block.certificates
    .filter(({ type }) => type === CertificateType.x509)
    .map(({ certificate }) => certificate);
  const tryWith = (input: SignatureInput): Signatory => by.verifier.verify(block.signature, certificates, input);
  let signatory: Signatory;
  try {
    signatory = tryWith(elementSignatureInput(bytes));
  } catch (reason) {
    try {
      signatory = tryWith(bareElementSignatureInput(bytes));
    } catch {
      throw signatureFault(by.at, `does not hold (${messageOf(reason)})`, reason);
    }
  }
  if (!by.signers.includes(signatory.nodeId))
    throw signatureFault(by.at, `was made by node ${signatory.nodeId}, which is not among the permitted signers`);
  return signatory.nodeId;
}

function readBlock(encoded: Uint8Array, at: string): SecurityBlock {
  try {
    return decode(securityBlock, encoded);
  } catch (reason) {
    throw signatureFault(at, `is no SecurityBlock (${messageOf(reason)})`, reason);
  }
}

function signatureFault(at: string, what: string, cause?: unknown): Failure<ConfigurationFault> {
  return new Failure<ConfigurationFault>({ code: 'signature', at }, `Configuration document: ${at} ${what}.`, cause);
}
