import { SaxesParser, type SaxesTagNS } from 'saxes';
import { Failure } from '#platform/failure.ts';
import type { ConfigurationFault } from '#reload/overlay-config/fault.ts';

export const XML_LIMITS = {
  /** Bytes of a whole document. ConfigUpdate could carry 16 MiB (RFC 6940 §6.5.4.1); no sane overlay needs a tenth of this. */
  documentBytes: 1_048_576,
  depth: 32,
  elements: 20_000,
  attributesPerElement: 32,
} as const;

/** One element with where it stands in the document's bytes: from its first `<` to the byte after its last `>`. */
export interface XmlElement {
  readonly namespace: string;
  readonly name: string;
  /** Attributes without a namespace, by local name. */
  readonly attributes: ReadonlyMap<string, string>;
  readonly children: readonly XmlElement[];
  /** Character data directly inside this element, CDATA included. */
  readonly text: string;
  readonly start: number;
  readonly end: number;
}

interface OpenElement {
  readonly namespace: string;
  readonly name: string;
  readonly attributes: Map<string, string>;
  readonly children: XmlElement[];
  readonly start: number;
  text: string;
}

/**
 * Reads a small UTF-8 document into a tree. No DTD, no entities of its own, no processing instructions, bounded size, depth and
 * counts; everything else throws `Failure<ConfigurationFault>`. `namespaces` are prefixes bound beforehand, for fragments.
 */
export function readXml(bytes: Uint8Array, namespaces: Readonly<Record<string, string>> = {}): XmlElement {
  if (bytes.length > XML_LIMITS.documentBytes) throw tooLarge(`document of ${bytes.length} bytes`);
  const text = decodeUtf8(bytes);
  const root = new TreeBuilder(text, namespaces).build();
  return bytes.length === text.length ? root : withByteOffsets(root, text);
}

function decodeUtf8(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    throw new Failure<ConfigurationFault>(
      { code: 'not-well-formed', at: 'encoding' },
      'Configuration document: the bytes are not UTF-8 (RFC 6940 §11.1). Save the document as UTF-8.',
      cause,
    );
  }
}

class TreeBuilder {
  readonly #text: string;
  readonly #parser: SaxesParser<{ xmlns: true }>;
  readonly #open: OpenElement[] = [];
  readonly #starts: number[] = [];
  #elements = 0;
  #attributes = 0;
  #root: XmlElement | undefined;

  constructor(text: string, namespaces: Readonly<Record<string, string>>) {
    this.#text = text;
    this.#parser = new SaxesParser({ xmlns: true, additionalNamespaces: { ...namespaces } });
  }

  build(): XmlElement {
    this.#listen();
    this.#parser.write(this.#text).close();
    if (this.#root === undefined) throw notWellFormed('no root element');
    return this.#root;
  }

  #listen(): void {
    const parser = this.#parser;
    parser.on('error', (error) => {
      throw notWellFormed(error.message);
    });
    parser.on('xmldecl', ({ version, encoding }) => {
      if (version !== '1.0') throw forbidden('an XML version other than 1.0');
      if (encoding !== undefined && !/^utf-?8$/i.test(encoding)) throw forbidden('an encoding other than UTF-8');
    });
    parser.on('doctype', () => {
      throw forbidden('a document type declaration');
    });
    parser.on('processinginstruction', () => {
      throw forbidden('a processing instruction');
    });
    parser.on('opentagstart', () => {
      this.#elements += 1;
      this.#attributes = 0;
      if (this.#elements > XML_LIMITS.elements) throw tooLarge(`more than ${XML_LIMITS.elements} elements`);
      if (this.#starts.length >= XML_LIMITS.depth) throw tooLarge(`elements nested deeper than ${XML_LIMITS.depth}`);
      // Saxes tells only where it stands now, behind the tag's name, and no name contains '<'.
      this.#starts.push(this.#text.lastIndexOf('<', parser.position - 1));
    });
    parser.on('attribute', () => {
      this.#attributes += 1;
      if (this.#attributes > XML_LIMITS.attributesPerElement)
        throw tooLarge(`more than ${XML_LIMITS.attributesPerElement} attributes in one element`);
    });
    parser.on('opentag', (tag) => this.#opened(tag));
    parser.on('text', (data) => this.#characters(data));
    parser.on('cdata', (data) => this.#characters(data));
    parser.on('closetag', () => this.#closed());
  }

  #opened(tag: SaxesTagNS): void {
    const attributes = new Map<string, string>();
    for (const attribute of Object.values(tag.attributes)) {
      if (attribute.uri === '') attributes.set(attribute.local, attribute.value);
    }
    const start = this.#starts.at(-1) ?? 0;
    this.#open.push({ namespace: tag.uri, name: tag.local, attributes, children: [], start, text: '' });
  }

  #characters(data: string): void {
    const element = this.#open.at(-1);
    if (element !== undefined) element.text += data;
  }

  #closed(): void {
    this.#starts.pop();
    const element = this.#open.pop();
    if (element === undefined) return;
    const complete: XmlElement = { ...element, end: this.#parser.position };
    const parent = this.#open.at(-1);
    if (parent === undefined) this.#root = complete;
    else parent.children.push(complete);
  }
}

/** Turns offsets in UTF-16 code units into offsets in bytes, in one pass over the text. */
function withByteOffsets(root: XmlElement, text: string): XmlElement {
  let units = 0;
  let bytes = 0;
  const advance = (to: number): number => {
    bytes += Buffer.byteLength(text.slice(units, to));
    units = to;
    return bytes;
  };
  // Document order visits starts and ends in rising order, so that each character is counted once.
  const convert = (element: XmlElement): XmlElement => {
    const start = advance(element.start);
    const children = element.children.map(convert);
    return { ...element, start, children, end: advance(element.end) };
  };
  return convert(root);
}

function notWellFormed(detail: string): Failure<ConfigurationFault> {
  return new Failure<ConfigurationFault>(
    { code: 'not-well-formed', at: detail },
    `Configuration document: not well-formed XML (${detail}).`,
  );
}

function forbidden(what: string): Failure<ConfigurationFault> {
  return new Failure<ConfigurationFault>(
    { code: 'forbidden-markup', at: what },
    `Configuration document: it has ${what}, which is not accepted. Remove it.`,
  );
}

function tooLarge(what: string): Failure<ConfigurationFault> {
  return new Failure<ConfigurationFault>({ code: 'too-large', at: what }, `Configuration document: ${what}, refused.`);
}
