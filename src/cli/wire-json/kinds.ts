import { Failure } from '#platform/failure.ts';
import type { Codec } from '#reload/wire/codec.ts';
import { KindId } from '#reload/wire/codes.ts';
import { pstnGateway } from '#reload/wire/pstn-gateway.ts';
import { redirServiceProvider } from '#reload/wire/redir.ts';
import { sipRegistration } from '#reload/wire/sip-registration.ts';
import type { DataModel } from '#reload/wire/stored-data.ts';
import { turnServer } from '#reload/wire/turn-server.ts';

export interface KnownKind {
  readonly id: number;
  readonly name: string;
  readonly model: DataModel;
  /** Undefined where the value is bytes of another standard, or of none. */
  readonly value?: Codec<object>;
}

export const KNOWN_KINDS: readonly KnownKind[] = [
  { id: KindId.sipRegistration, name: 'sip-registration', model: 'dictionary', value: sipRegistration },
  { id: KindId.turnService, name: 'turn-service', model: 'single', value: turnServer },
  { id: KindId.certificateByNode, name: 'certificate-by-node', model: 'array' },
  { id: KindId.certificateByUser, name: 'certificate-by-user', model: 'array' },
  { id: KindId.redir, name: 'redir', model: 'dictionary', value: redirServiceProvider },
  { id: KindId.pstnGateway, name: 'pstn-gateway', model: 'single', value: pstnGateway },
  { id: KindId.sipProxy, name: 'sip-proxy', model: 'single' },
];

const ALIASES: Readonly<Record<string, string>> = {
  'turn-server': 'turn-service',
  certificate: 'certificate-by-node',
};

/** What a command line got wrong. */
export type OptionFault = { readonly code: 'bad-option'; readonly option: string };

export function knownKind(id: number): KnownKind | undefined {
  return KNOWN_KINDS.find((kind) => kind.id === id);
}

/** Data models by Kind-ID: the known Kinds', and those given as `ID=single|array|dictionary` for private ones. */
export function dataModels(given: readonly string[]): (kind: number) => DataModel | undefined {
  const models = new Map<number, DataModel>(KNOWN_KINDS.map((kind) => [kind.id, kind.model]));
  for (const text of given) {
    const [id = '', model = '', ...more] = text.split('=');
    if (!isModel(model) || more.length > 0) {
      throw badOption('--kind-model', `${text} is not ID=single, ID=array or ID=dictionary`);
    }
    models.set(kindIdFrom('--kind-model', id), model);
  }
  return (kind) => models.get(kind);
}

function isModel(text: string): text is DataModel {
  return text === 'single' || text === 'array' || text === 'dictionary';
}

/** A Kind by its number (decimal or 0x...) or its registered name in any case, with - or _. */
export function kindIdFrom(option: string, text: string): number {
  const name = text.toLowerCase().replaceAll('_', '-');
  const known = KNOWN_KINDS.find((kind) => kind.name === (Object.hasOwn(ALIASES, name) ? ALIASES[name] : name));
  if (known !== undefined) return known.id;
  const id = /^(?:0x[0-9a-f]{1,8}|\d{1,10})$/.test(name) ? Number(name) : Number.NaN;
  if (id > 0 && id <= 0xffffffff) return id;
  const names = KNOWN_KINDS.map((kind) => kind.name).join(', ');
  throw badOption(option, `${text} is no Kind: give a number of 32 bits or one of ${names}`);
}

export function badOption(option: string, detail: string): Failure<OptionFault> {
  return new Failure<OptionFault>({ code: 'bad-option', option }, `${option}: ${detail}.`);
}
