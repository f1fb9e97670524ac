import { concat } from '#platform/bytes.ts';
import type { Signer } from '#reload/security/identity.ts';
import { messageSignatureInput } from '#reload/security/signature-input.ts';
import { valueSignatureInput } from '#reload/security/value-signature-input.ts';
import { decode, encode, untilEnd } from '#reload/wire/codec.ts';
import { CertificateType } from '#reload/wire/codes.ts';
import { destination } from '#reload/wire/destination.ts';
import {
  encodeWithPayload,
  forwardingOption,
  type HeaderFields,
  RELOAD_VERSION,
} from '#reload/wire/forwarding-header.ts';
import { hashToResourceId, type ResourceId } from '#reload/wire/ids.ts';
import { encodeContents } from '#reload/wire/message.ts';
import { messageExtension } from '#reload/wire/message-contents.ts';
import { securityBlock } from '#reload/wire/security-block.ts';
import { storeReq } from '#reload/wire/store.ts';
import { encodeStoredData, type StoredDataValue } from '#reload/wire/stored-data.ts';
import { Dice } from '../dice.ts';
import { mutateBytes } from '../mutate/bytes.ts';

/**
 * What the attacker sends, told so that it can be signed anew in a later run, whose keys are others. Byte strings are hexadecimal, lists
 * are in their wire form, numbers of 64 bits are decimal.
 */
export interface Recipe {
  /** Which of the attacker's links takes it. */
  readonly link: number;
  /** Sent by a member outside the ring instead, over a link whose Node-ID nobody knows: its certificate holds several. */
  readonly stranger?: boolean;
  /** Answers the next request that passes by, with its transaction id and on its way back. */
  readonly answer?: boolean;
  readonly overlay?: number;
  /** Beside the sequence number in force. */
  readonly sequence: number;
  readonly ttl: number;
  readonly transactionId: string;
  readonly maxResponseLength: number;
  readonly via: string;
  readonly destinations: string;
  readonly options: string;
  readonly code: number;
  readonly body: string | StoreRecipe;
  readonly extensions: string;
  /** Cut into these pieces of the payload. */
  readonly fragments?: readonly { readonly offset: number; readonly length: number; readonly last: boolean }[];
  /** Seed of faults in the bytes, after all else was done right. */
  readonly faults?: string;
}

/** A Store whose values the attacker signs. */
export interface StoreRecipe {
  readonly resource: ResourceId;
  readonly replica: number;
  readonly kinds: readonly {
    readonly kind: number;
    readonly generation: string;
    readonly values: readonly ValueRecipe[];
  }[];
}

export interface ValueRecipe {
  readonly storageTime: string;
  readonly lifetime: number;
  readonly model: StoredDataValue['model'];
  readonly index: number;
  readonly key: string;
  readonly exists: boolean;
  readonly value: string;
  /** Whether the signature is over another value. */
  readonly forged: boolean;
}

interface Sending {
  readonly signer: Signer;
  readonly overlay: number;
  readonly sequence: number;
  readonly now: number;
}

const hex = (text: string) => new Uint8Array(Buffer.from(text, 'hex'));

/** The messages of a recipe as they go to the link. */
export function cook(recipe: Recipe, sending: Sending): readonly Uint8Array[] {
  const header: HeaderFields = {
    overlay: recipe.overlay ?? sending.overlay,
    configurationSequence: (sending.sequence + recipe.sequence) & 0xffff,
    version: RELOAD_VERSION,
    ttl: recipe.ttl,
    fragment: { offset: 0, last: true },
    transactionId: BigInt(recipe.transactionId),
    maxResponseLength: recipe.maxResponseLength,
    viaList: decode(untilEnd(destination), hex(recipe.via)),
    destinationList: decode(untilEnd(destination), hex(recipe.destinations)),
    options: decode(untilEnd(forwardingOption), hex(recipe.options)),
  };
  const payload = signed(recipe, header, sending);
  const whole = recipe.fragments?.map(({ offset, length, last }) =>
    encodeWithPayload(
      { ...header, fragment: { offset, last } },
      payload.slice(offset % payload.length).slice(0, length),
    ),
  ) ?? [encodeWithPayload(header, payload)];
  const { faults } = recipe;
  return faults === undefined ? whole : whole.map((bytes) => mutateBytes(bytes, new Dice(faults), bytes));
}

function signed(recipe: Recipe, header: HeaderFields, sending: Sending): Uint8Array {
  const { signer } = sending;
  const contents = encodeContents({
    code: recipe.code,
    body: typeof recipe.body === 'string' ? hex(recipe.body) : storeBody(recipe.body, sending),
    extensions: decode(untilEnd(messageExtension), hex(recipe.extensions)),
  });
  const signature = signer.sign(messageSignatureInput(header.overlay, header.transactionId, contents));
  const certificates = [{ type: CertificateType.x509, certificate: signer.certificate.der }];
  return concat(contents, encode(securityBlock, { certificates, signature }));
}

function storeBody({ resource, replica, kinds }: StoreRecipe, sending: Sending): Uint8Array {
  return encode(storeReq, {
    resource,
    replicaNumber: replica,
    kindData: kinds.map(({ kind, generation, values }) => ({
      kind,
      generationCounter: BigInt(generation),
      values: concat(...values.map((value) => storedValue(value, { resource, kind }, sending))),
    })),
  });
}

function storedValue(
  recipe: ValueRecipe,
  at: { readonly resource: ResourceId; readonly kind: number },
  { signer, now }: Sending,
): Uint8Array {
  const { model, index, exists, lifetime } = recipe;
  // Times are told beside the virtual clock, which stands elsewhere in another run.
  const storageTime = BigInt.asUintN(64, BigInt(now) + BigInt(recipe.storageTime));
  const common = { exists, value: hex(recipe.value) };
  const value: StoredDataValue =
    model === 'single'
      ? { model, ...common }
      : model === 'array'
        ? { model, index, ...common }
        : { model, key: hex(recipe.key), ...common };
  const resource = recipe.forged ? hashToResourceId('elsewhere') : at.resource;
  const signature = signer.sign(valueSignatureInput({ resource, kind: at.kind, storageTime, value }));
  return encodeStoredData(model, [{ storageTime, lifetime, value, signature }]);
}
