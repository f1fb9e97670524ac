/**
 * The grammar of RFC 6940 §11.1.1 in RELAX NG's XML syntax, with `overlay-reliability-timer`, which the RFC describes but left out of it.
 */
const XSD = 'http://www.w3.org/2001/XMLSchema-datatypes';
const BASE = 'urn:ietf:params:xml:ns:p2p:config-base';
const CHORD = 'urn:ietf:params:xml:ns:p2p:config-chord';

const data = (type: string) => `<data type="${type}"/>`;
const element = (name: string, content: string) => `<element name="${name}">${content}</element>`;
const attribute = (name: string, type: string) => `<attribute name="${name}" ns="">${data(type)}</attribute>`;
const optional = (...parts: readonly string[]) => parts.map((part) => `<optional>${part}</optional>`).join('');
const any = (...parts: readonly string[]) => parts.map((part) => `<zeroOrMore>${part}</zeroOrMore>`).join('');
const simple = (type: string, ...names: readonly string[]) => names.map((name) => element(name, data(type)));

const ELSEWHERE = `<anyName><except><nsName/><nsName ns=""/><nsName ns="${CHORD}"/></except></anyName>`;
const ANYTHING = `<define name="anything"><zeroOrMore><choice><element><anyName/><ref name="anything"/></element><attribute><anyName/><text/></attribute><text/></choice></zeroOrMore></define>`;
const FOREIGN_ELEMENTS = any(`<element>${ELSEWHERE}<ref name="anything"/></element>`);
const FOREIGN_ATTRIBUTES = any(`<attribute>${ELSEWHERE}<text/></attribute>`);

const kind = element(
  'kind',
  `<choice>${attribute('name', 'string')}${attribute('id', 'unsignedInt')}</choice><interleave>${[
    ...simple('int', 'max-count', 'max-size'),
    optional(...simple('int', 'max-node-multiple')),
    ...simple('string', 'data-model', 'access-control'),
    FOREIGN_ELEMENTS,
  ].join('')}</interleave>`,
);
const signed = (name: string) => element(name, optional(attribute('algorithm', 'string')) + data('base64Binary'));

const parameters = [
  optional(
    ...simple('string', 'topology-plugin', 'shared-secret'),
    ...simple('unsignedInt', 'max-message-size'),
    ...simple(
      'int',
      'initial-ttl',
      'node-id-length',
      'overlay-reliability-timer',
      'chord:chord-ping-interval',
      'chord:chord-update-interval',
    ),
    ...simple('boolean', 'no-ice', 'clients-permitted', 'chord:chord-reactive'),
    ...simple('unsignedByte', 'turn-density'),
    element('self-signed-permitted', attribute('digest', 'string') + data('boolean')),
    element(
      'required-kinds',
      any(element('kind-block', `<interleave>${kind}${optional(signed('kind-signature'))}</interleave>`)),
    ),
  ),
  any(
    ...simple('base64Binary', 'root-cert'),
    ...simple('anyURI', 'enrollment-server'),
    ...simple(
      'string',
      'kind-signer',
      'configuration-signer',
      'bad-node',
      'overlay-link-protocol',
      'mandatory-extension',
    ),
    element('bootstrap-node', attribute('address', 'string') + optional(attribute('port', 'int'))),
  ),
  FOREIGN_ELEMENTS,
].join('');

const configuration = element(
  'configuration',
  attribute('instance-name', 'string') +
    optional(attribute('expiration', 'dateTime'), attribute('sequence', 'long')) +
    FOREIGN_ATTRIBUTES +
    `<interleave>${parameters}</interleave>`,
);

export const GRAMMAR = `<grammar xmlns="http://relaxng.org/ns/structure/1.0" datatypeLibrary="${XSD}" ns="${BASE}" xmlns:chord="${CHORD}">
<start><element name="overlay"><interleave><oneOrMore>${configuration}</oneOrMore>${any(signed('signature'))}</interleave></element></start>${ANYTHING}</grammar>`;
