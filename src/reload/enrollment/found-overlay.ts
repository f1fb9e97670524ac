import { utf8 } from '#platform/bytes.ts';
import type { Clock } from '#platform/clock.ts';
import { Failure } from '#platform/failure.ts';
import type { Random } from '#platform/random.ts';
import { generatePrivateKey, publicKeyInfoOf } from '#reload/enrollment/keys.ts';
import { randomNodeIds } from '#reload/enrollment/node-ids.ts';
import {
  type Issuer,
  type Validity,
  writeMemberCertificate,
  writeRootCertificate,
} from '#reload/enrollment/x509-writer.ts';
import type { OverlayConfiguration } from '#reload/overlay-config/configuration.ts';
import type { ConfigurationFault } from '#reload/overlay-config/fault.ts';
import { newConfiguration, type OverlayChoices } from '#reload/overlay-config/overlay-defaults.ts';
import { printConfiguration, printDocument, printKind } from '#reload/overlay-config/print.ts';
import { readCertificate } from '#reload/security/certificate.ts';
import { signElement } from '#reload/security/configuration-signature.ts';
import type { Identity } from '#reload/security/identity.ts';
import { createSigner } from '#reload/security/signer.ts';

const DAY_MS = 86_400_000;
/** Room that the rest of a ConfigUpdate message needs. */
const MESSAGE_OVERHEAD = 2000;

/** What an operator holds of an overlay. */
export interface FoundedOverlay {
  readonly root: Issuer;
  /** Signs configurations and Kinds; it needs no node. */
  readonly configurationSigner: Identity;
  readonly configuration: OverlayConfiguration;
  /** The signed document. */
  readonly document: Uint8Array;
}

export interface FoundingDeps {
  readonly clock: Clock;
  readonly random: Random;
}

export interface FoundingOptions {
  readonly name: string;
  /** Of root and signing certificate; 10 years by default. */
  readonly validityDays?: number;
  readonly choices?: Omit<Partial<OverlayConfiguration>, 'instanceName' | 'rootCerts'>;
}

/** Makes the trust root, the configuration signer and the first signed document of an overlay. */
export async function foundOverlay({ clock, random }: FoundingDeps, options: FoundingOptions): Promise<FoundedOverlay> {
  const validity = validityFrom(clock, options.validityDays ?? 3650);
  const root = await makeRoot(`${options.name} root`, validity);
  const configurationSigner = await makeSigner(root, options.name, { random, validity });
  const choices: OverlayChoices = {
    ...options.choices,
    instanceName: options.name,
    rootCerts: [root.certificate],
    configurationSigners: [configurationSigner.nodeId],
  };
  const configuration = newConfiguration(choices);
  return { root, configurationSigner, configuration, document: signDocument(configuration, configurationSigner) };
}

/**
 * Prints and signs a document. `cosigners` sign it too, for members whose document in force knows only them. Throws
 * `Failure<ConfigurationFault>` when it could not travel in a ConfigUpdate (RFC 6940 §6.5.4).
 */
export function signDocument(
  configuration: OverlayConfiguration,
  signerIdentity: Identity,
  cosigners: readonly Identity[] = [],
): Uint8Array {
  const signer = createSigner(signerIdentity);
  const kinds = configuration.kinds.map((kind) => {
    const xml = printKind(kind);
    return { xml, signature: signElement(signer, utf8(xml)) };
  });
  const xml = printConfiguration(configuration, kinds);
  const signatures = [signer, ...cosigners.map(createSigner)].map((by) => signElement(by, utf8(xml)));
  const document = printDocument(xml, ...signatures);
  const most = configuration.maxMessageSize - MESSAGE_OVERHEAD;
  if (document.length > most)
    throw new Failure<ConfigurationFault>(
      { code: 'too-large', at: 'document' },
      `The signed document has ${document.length} bytes and max-message-size leaves room for ${most}. Raise max-message-size.`,
    );
  return document;
}

/** From an hour ago, since clocks differ, for so many days. */
export function validityFrom(clock: Clock, days: number): Validity {
  const notBefore = Math.floor(clock.now() / 1000) * 1000 - 3_600_000;
  return { notBefore, notAfter: notBefore + days * DAY_MS };
}

/** A trust anchor with a key of its own. */
export async function makeRoot(commonName: string, validity: Validity): Promise<Issuer> {
  const privateKey = await generatePrivateKey('p-256');
  return { certificate: await writeRootCertificate(commonName, privateKey, validity), privateKey };
}

/** A certificate that signs configurations and Kinds, with a key and a Node-ID of its own. */
export async function makeSigner(
  root: Issuer,
  overlayName: string,
  { random, validity }: { readonly random: Random; readonly validity: Validity },
): Promise<Identity> {
  const privateKey = await generatePrivateKey('p-256');
  const nodeIds = randomNodeIds(random, 1);
  const names = { overlayName, userName: `${CONFIGURATION_SIGNER}@${overlayName}`, nodeIds };
  const der = await writeMemberCertificate(names, publicKeyInfoOf(privateKey), root, validity);
  const certificate = readCertificate(der);
  const [nodeId] = certificate.nodeIds;
  if (nodeId === undefined) throw new Error('the signing certificate holds no Node-ID');
  return { nodeId, certificate, chain: [], privateKey };
}

/** User part of the signing certificate's name; no user may have it. */
export const CONFIGURATION_SIGNER = 'configuration';
