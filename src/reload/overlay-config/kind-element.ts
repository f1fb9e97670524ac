import type { DataModelName, KindConfiguration } from '#reload/overlay-config/configuration.ts';
import { badValue, missing, unsupported } from '#reload/overlay-config/fault.ts';
import { REDIR_NAMESPACE, SIP_NAMESPACE } from '#reload/overlay-config/namespaces.ts';
import { compilePattern } from '#reload/overlay-config/posix-pattern.ts';
import { isPrivateKindId, REGISTERED_KINDS } from '#reload/overlay-config/registered-kinds.ts';
import {
  base,
  booleanOf,
  childrenOf,
  integerOf,
  optionalChild,
  optionalInteger,
  requiredChild,
  textOf,
} from '#reload/overlay-config/values.ts';
import type { XmlElement } from '#reload/overlay-config/xml.ts';

const INT_MAX = 2 ** 31 - 1;
const MAX_PATTERNS = 64;

/** Extensions of a Kind that may stand in the Kind or, by the letter of their grammars, beside it in `configuration`. */
export interface KindExtensions {
  readonly domainRestriction: KindConfiguration['domainRestriction'];
  readonly branchingFactor: number | undefined;
}

/** Reads one `kind` element (RFC 6940 §11.1). */
export function readKind(element: XmlElement): KindConfiguration {
  const { id, name } = readNumberAndName(element);
  const registered = name === undefined ? undefined : REGISTERED_KINDS.get(name);
  const dataModel = readDataModel(textOf(requiredChild(element, base('data-model'))), registered?.dataModel);
  const declaredAccess = textOf(requiredChild(element, base('access-control')));
  const accessControl = registered?.accessControl ?? declaredAccess;
  const maxNodeMultiple = optionalInteger(element, base('max-node-multiple'), { least: 1, most: INT_MAX });
  if (accessControl === 'NODE-MULTIPLE' && maxNodeMultiple === undefined)
    throw missing(`element max-node-multiple in kind ${name ?? id}`);
  return {
    id,
    name,
    dataModel,
    accessControl,
    maxCount: integerOf(requiredChild(element, base('max-count')).text, 'max-count', { least: 1, most: INT_MAX }),
    maxSize: integerOf(requiredChild(element, base('max-size')).text, 'max-size', { least: 1, most: INT_MAX }),
    maxNodeMultiple,
    ...readKindExtensions(element),
  };
}

/** The name of a registered Kind that this program does not know; undefined of all others. */
export function unknownNameOf(element: XmlElement): string | undefined {
  const name = element.attributes.get('name')?.trim();
  const known = name === undefined || element.attributes.get('id') !== undefined || REGISTERED_KINDS.has(name);
  return known ? undefined : name;
}

export function readKindExtensions(parent: XmlElement): KindExtensions {
  return {
    domainRestriction: readDomainRestriction(parent),
    branchingFactor: optionalInteger(
      parent,
      { namespace: REDIR_NAMESPACE, names: ['branching-factor'] },
      { least: 2, most: 0xffff },
    ),
  };
}

function readNumberAndName(element: XmlElement): { id: number; name: string | undefined } {
  const idText = element.attributes.get('id');
  const name = element.attributes.get('name')?.trim();
  if ((idText === undefined) === (name === undefined)) throw badValue('kind', 'given either a name or an id attribute');
  if (name !== undefined) {
    const registered = REGISTERED_KINDS.get(name);
    if (registered === undefined) throw unsupported(`kind ${name.slice(0, 40)}`, 'is not known to it');
    return { id: registered.id, name };
  }
  const id = integerOf(idText ?? '', 'attribute id of kind', { least: 0, most: 0xffffffff });
  if (!isPrivateKindId(id)) throw badValue('attribute id of kind', 'in the private range 4026531841 to 4294967293');
  return { id, name: undefined };
}

function readDataModel(declared: string, registered: DataModelName | undefined): DataModelName {
  if (registered !== undefined) return registered;
  if (declared === 'SINGLE' || declared === 'ARRAY' || declared === 'DICTIONARY') return declared;
  throw badValue('data-model', 'SINGLE, ARRAY or DICTIONARY');
}

/** Prose says domain-restrictions, the grammar domain-restriction; both are taken (RFC 7904 §3.4). */
function readDomainRestriction(parent: XmlElement): KindConfiguration['domainRestriction'] {
  const element = optionalChild(parent, {
    namespace: SIP_NAMESPACE,
    names: ['domain-restriction', 'domain-restrictions'],
  });
  if (element === undefined) return undefined;
  const enable = element.attributes.get('enable');
  const patterns = childrenOf(element, { namespace: SIP_NAMESPACE, names: ['pattern'] }).map(textOf);
  if (patterns.length > MAX_PATTERNS) throw badValue('domain-restriction', `of at most ${MAX_PATTERNS} patterns`);
  for (const pattern of patterns) {
    if (compilePattern(pattern) === undefined)
      throw badValue('pattern', 'a POSIX extended regular expression of moderate size');
  }
  return { enable: enable === undefined ? false : booleanOf(enable, 'attribute enable'), patterns };
}
