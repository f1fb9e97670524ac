import fc from 'fast-check';
import { concat } from '#platform/bytes.ts';
import { bodyCodec } from '#reload/wire/bodies.ts';
import { type Codec, encode, untilEnd } from '#reload/wire/codec.ts';
import { KindId, MessageCode, OverlayLinkType } from '#reload/wire/codes.ts';
import { type Destination, destination } from '#reload/wire/destination.ts';
import { encodeModelSpecifier } from '#reload/wire/fetch.ts';
import { forwardingOption } from '#reload/wire/forwarding-header.ts';
import { hashToResourceId, idBytes, type NodeId, type ResourceId, WILDCARD_NODE_ID } from '#reload/wire/ids.ts';
import { chordLeaveData } from '#reload/wire/leave.ts';
import { messageExtension } from '#reload/wire/message-contents.ts';
import { isWireFailure } from '#reload/wire/reader.ts';
import { STRUCTURES } from '../../reload/wire/arbitraries.ts';
import { OPEN_KIND } from '../../simulation/simulated-overlay.ts';
import type { Dice } from '../dice.ts';
import { mutateBytes } from '../mutate/bytes.ts';
import { mutateText } from '../mutate/text.ts';
import { mutateValue } from '../mutate/value.ts';
import type { Recipe, StoreRecipe, ValueRecipe } from './recipe.ts';
import type { Surroundings } from './world.ts';

const MODELS = ['single', 'array', 'dictionary'] as const;
/** The model that Kinds have, so that values get as far as policies; some Kinds that nobody knows are among them. */
const MODEL_OF: ReadonlyMap<number, (typeof MODELS)[number]> = new Map([
  [KindId.sipRegistration, 'dictionary'],
  [KindId.turnService, 'single'],
  [KindId.certificateByNode, 'array'],
  [KindId.certificateByUser, 'array'],
  [KindId.redir, 'dictionary'],
  [KindId.pstnGateway, 'single'],
  [OPEN_KIND.id, 'single'],
  [0, 'single'],
  [7, 'array'],
  [0xffffffff, 'dictionary'],
]);
const KINDS = [...MODEL_OF.keys()];
const TIMES = [
  '0',
  '-1',
  '1',
  '-100000000',
  '100000000',
  '9223372036854775807',
  '-9223372036854775808',
  '4294967296000',
];
const LIFETIMES = [0, 1, 60, 86_400, 0x7fffffff, 0xffffffff];
const EDGE_GENERATIONS = [
  '0',
  '1',
  '2',
  '4294967296',
  '9223372036854775808',
  '18446744073709551614',
  '18446744073709551615',
];

/** Codes that nodes answer, the important ones several times. */
const CODES: readonly number[] = [
  ...[MessageCode.storeReq, MessageCode.storeReq, MessageCode.fetchReq, MessageCode.statReq, MessageCode.findReq],
  ...[
    MessageCode.updateReq,
    MessageCode.updateReq,
    MessageCode.joinReq,
    MessageCode.leaveReq,
    MessageCode.routeQueryReq,
  ],
  ...[
    MessageCode.attachReq,
    MessageCode.attachReq,
    MessageCode.appAttachReq,
    MessageCode.probeReq,
    MessageCode.pingReq,
  ],
  ...[MessageCode.configUpdateReq, MessageCode.configUpdateReq, MessageCode.pathTrackReq],
];
const STOCK = 40;

/** Makes what an attacker could think of: right in form and signature, wrong in what it says, or faulty in its bytes. */
export class HostileMessages {
  readonly #around: Surroundings;
  readonly #stock = new Map<Codec<unknown>, readonly unknown[]>();

  constructor(around: Surroundings) {
    this.#around = around;
  }

  recipe(dice: Dice): Recipe {
    const answer = dice.oneIn(5);
    const code = dice.oneIn(24) ? dice.below(65_536) : dice.pick(CODES) + (answer ? 1 : 0);
    const body = this.#body(code, dice);
    const recipe: Recipe = {
      link: dice.below(64),
      ...(dice.oneIn(5) ? { stranger: true } : {}),
      answer,
      ...(dice.oneIn(40) ? { overlay: dice.below(2 ** 32) } : {}),
      sequence: dice.oneIn(12) ? dice.pick([1, -1, 100, 32_768, 65_534]) : 0,
      ttl: dice.oneIn(6) ? dice.pick([0, 1, 2, 255]) : 100,
      transactionId: String(Buffer.from(dice.bytes(8)).readBigUInt64BE()),
      maxResponseLength: dice.oneIn(5) ? dice.pick([1, 100, 1000, 0xffffffff]) : 0,
      via: this.#hops(dice, dice.oneIn(3) ? 1 + dice.size(40) : 0, false),
      destinations: this.#destinations(code, body, dice),
      options: dice.oneIn(4) ? this.#options(dice) : '',
      code,
      body,
      extensions: dice.oneIn(5) ? extensions(dice) : '',
      ...(dice.oneIn(8) ? { fragments: fragments(dice) } : {}),
      ...(dice.oneIn(4) ? { faults: `faults ${dice.below(2 ** 32)}` } : {}),
    };
    return recipe;
  }

  #body(code: number, dice: Dice): string | StoreRecipe {
    if (code === MessageCode.storeReq && !dice.oneIn(6)) return this.#store(dice);
    if (code === MessageCode.configUpdateReq && !dice.oneIn(6)) return this.#document(dice);
    const codec = bodyCodec(code);
    if (codec === undefined) return hex(dice.bytes(dice.size(500)));
    const value = this.#placed(mutateValue(codec.shape, this.#sample(code, codec, dice), dice), dice);
    try {
      return hex(encode<unknown>(codec, value));
    } catch (thrown) {
      if (!isWireFailure(thrown)) throw thrown;
      return hex(dice.bytes(dice.size(200)));
    }
  }

  /** A valid body, of ready-made ones where arbitrary bytes would not get far. */
  #sample(code: number, codec: Codec<object>, dice: Dice): unknown {
    if (code === MessageCode.fetchReq || code === MessageCode.statReq) return this.#fetch(dice);
    if (code === MessageCode.pingReq && dice.oneIn(3)) return { padding: dice.bytes(dice.size(30_000)) };
    if (code === MessageCode.attachReq || code === MessageCode.appAttachReq) return this.#attach(dice);
    if (code === MessageCode.leaveReq) return this.#leave(dice);
    if (code === MessageCode.findReq)
      return { resource: this.#resource(dice), kinds: [dice.pick(KINDS), dice.pick(KINDS)] };
    let stock = this.#stock.get(codec);
    if (stock === undefined) {
      const found = STRUCTURES.find((structure) => structure.codec === codec);
      stock = found === undefined ? [{}] : fc.sample(found.values, { seed: 1, numRuns: STOCK });
      this.#stock.set(codec, stock);
    }
    return dice.pick(stock);
  }

  /** To somebody, nobody, and many at once. */
  #attach(dice: Dice): unknown {
    const candidates = Array.from({ length: dice.size(40) + 1 }, (_, i) => ({
      addrPort: { type: 'ipv4', address: `10.0.0.${dice.below(14)}`, port: dice.pick([6084, 6084, 0, 9, 65_535]) },
      overlayLink: dice.oneIn(4) ? dice.below(6) : OverlayLinkType.tlsTcpFhNoIce,
      foundation: String(i),
      priority: dice.below(2 ** 32),
      type: 'host',
      extensions: [],
    }));
    const fields = { ufrag: '', password: '', role: dice.oneIn(4) ? 'active' : 'passive', candidates };
    return { ...fields, sendUpdate: dice.oneIn(2), application: dice.pick([5060, 5061, 0, 65_535]) };
  }

  /** Mostly of the attacker itself, with heirs that it makes up. */
  #leave(dice: Dice): unknown {
    const ids = Array.from({ length: dice.size(20) }, () => this.#node(dice));
    const data = dice.oneIn(2)
      ? ({ type: 'from_succ', successors: ids } as const)
      : ({ type: 'from_pred', predecessors: ids } as const);
    const leavingPeerId = dice.oneIn(4) ? this.#node(dice) : this.#around.attacker;
    return { leavingPeerId, overlaySpecificData: encode(chordLeaveData, data) };
  }

  #fetch(dice: Dice): unknown {
    const specifiers = Array.from({ length: 1 + dice.size(12) }, () => {
      const kind = dice.pick(KINDS);
      const model = dice.oneIn(6) ? dice.pick(MODELS) : (MODEL_OF.get(kind) ?? 'single');
      const count = dice.size(40);
      const modelSpecifier = encodeModelSpecifier(
        model === 'single'
          ? { model }
          : model === 'array'
            ? {
                model,
                indices: Array.from({ length: count }, () => ({
                  first: dice.below(9),
                  last: dice.pick([0, 9, 0xffffffff]),
                })),
              }
            : { model, keys: Array.from({ length: count }, () => dice.bytes(dice.pick([0, 16, 300]))) },
      );
      return { kind, generation: 0n, modelSpecifier };
    });
    return { resource: this.#resource(dice), specifiers };
  }

  #store(dice: Dice): StoreRecipe {
    // At its own places the attacker may store, so that what it stores there is looked at to the end.
    const own = dice.oneIn(2) ? undefined : this.#ownPlace(dice);
    return {
      resource: own?.resource ?? this.#resource(dice),
      replica: dice.oneIn(2) ? 0 : dice.below(256),
      kinds: Array.from({ length: 1 + dice.size(4) }, () => {
        const kind = own?.kind ?? dice.pick(KINDS);
        const model = dice.oneIn(8) ? dice.pick(MODELS) : (MODEL_OF.get(kind) ?? 'single');
        const values = Array.from({ length: 1 + dice.size(12) }, () => this.#value(model, dice));
        return { kind, generation: dice.pick(EDGE_GENERATIONS), values };
      }),
    };
  }

  #ownPlace(dice: Dice): { readonly kind: number; readonly resource: ResourceId } {
    const { attacker, records } = this.#around;
    const [user = hashToResourceId('')] = records;
    return dice.pick([
      { kind: KindId.sipRegistration, resource: user },
      { kind: KindId.certificateByUser, resource: user },
      { kind: KindId.certificateByNode, resource: hashToResourceId(idBytes(attacker)) },
      { kind: KindId.turnService, resource: hashToResourceId(concat(idBytes(attacker), Uint8Array.of(1))) },
      { kind: OPEN_KIND.id, resource: hashToResourceId(dice.bytes(4)) },
    ]);
  }

  #value(model: ValueRecipe['model'], dice: Dice): ValueRecipe {
    return {
      storageTime: dice.oneIn(2) ? '0' : dice.pick(TIMES),
      lifetime: dice.pick(LIFETIMES),
      model,
      index: dice.pick([0, 1, 5, 1000, 0xfffffffe, 0xffffffff, 0xffffffff]),
      key: hex(dice.oneIn(2) ? idBytes(this.#node(dice)) : dice.bytes(dice.size(300))),
      exists: !dice.oneIn(4),
      value: hex(dice.bytes(dice.oneIn(8) ? dice.size(6000) : dice.size(300))),
      forged: dice.oneIn(8),
    };
  }

  /** The document in force, a later one that nobody signed, or Kinds that nobody signed. */
  #document(dice: Dice): string {
    const text = Buffer.from(this.#around.document).toString('utf8');
    const later = text.replace(/sequence="\d+"/, `sequence="${dice.pick([0, 2, 3, 40_000, 65_534, 65_535])}"`);
    const changed = dice.oneIn(2)
      ? later
      : mutateText(later, dice, { other: text, words: ['<kind>', '</configuration>'] });
    const document = Buffer.from(changed);
    const codec = bodyCodec(MessageCode.configUpdateReq);
    if (codec === undefined) return '';
    const block = /<kind-block>.*?<\/kind-block>/s.exec(changed)?.[0] ?? '';
    const value = dice.oneIn(3)
      ? {
          type: 'kind',
          kinds: Array.from({ length: 1 + dice.size(8) }, () => mutateBytes(Buffer.from(block), dice, document)),
        }
      : { type: 'config', configData: document };
    return hex(encode<unknown>(codec, value));
  }

  /** Ids that are somebody's, in place of drawn ones. */
  #placed(value: unknown, dice: Dice): unknown {
    if (typeof value === 'string' && /^[0-9a-f]{32}$/.test(value)) {
      return dice.oneIn(4) ? value : dice.oneIn(4) ? this.#resource(dice) : this.#node(dice);
    }
    if (Array.isArray(value)) return value.map((item) => this.#placed(item, dice));
    if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return value;
    return Object.fromEntries(Object.entries(value).map(([name, field]) => [name, this.#placed(field, dice)]));
  }

  #node(dice: Dice): NodeId {
    const { attacker, honest } = this.#around;
    if (dice.oneIn(16)) return WILDCARD_NODE_ID;
    return dice.oneIn(3) ? attacker : dice.pick(honest);
  }

  #resource(dice: Dice): ResourceId {
    if (dice.oneIn(3)) return hex(dice.bytes(dice.oneIn(4) ? dice.size(254) : 16)) as ResourceId;
    return dice.pick(this.#around.records);
  }

  #destinations(code: number, body: string | StoreRecipe, dice: Dice): string {
    // Mostly where the message belongs, so that somebody feels responsible.
    const { honest } = this.#around;
    if (dice.oneIn(5)) return this.#hops(dice, dice.size(30), true);
    if (typeof body !== 'string') return hops([{ type: 'resource', id: body.resource }]);
    const storing: readonly number[] = [MessageCode.fetchReq, MessageCode.statReq, MessageCode.findReq];
    if (storing.includes(code) && dice.oneIn(2)) return hops([{ type: 'resource', id: this.#resource(dice) }]);
    return hops([{ type: 'node', id: dice.pick(honest) }]);
  }

  #hops(dice: Dice, count: number, isDestination: boolean): string {
    const list = Array.from({ length: count }, (): Destination => {
      const choice = dice.below(10);
      if (choice < 6) return { type: 'node', id: this.#node(dice) };
      if (choice === 6)
        return { type: 'opaque', id: Uint8Array.of(0x80 | dice.below(128), dice.below(256)), compact: true };
      if (choice === 7) return { type: 'opaque', id: dice.bytes(dice.size(250)), compact: false };
      if (choice === 8) return { type: 'unknown', code: 4 + dice.below(100), data: dice.bytes(dice.size(100)) };
      return { type: 'node', id: hex(dice.bytes(16)) as NodeId };
    });
    if (isDestination && dice.oneIn(2)) list.push({ type: 'resource', id: this.#resource(dice) });
    return hops(list);
  }

  #options(dice: Dice): string {
    const list = Array.from({ length: 1 + dice.size(20) }, () => ({
      type: dice.oneIn(2) ? 2 : 1 + dice.below(254),
      flags: dice.below(16),
      value: dice.bytes(dice.size(300)),
    }));
    return hex(encode(untilEnd(forwardingOption), list));
  }
}

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');

function hops(list: readonly Destination[]): string {
  return hex(concat(...list.map((hop) => encode(destination, hop))));
}

function extensions(dice: Dice): string {
  const list = Array.from({ length: 1 + dice.size(20) }, () => ({
    type: dice.below(5),
    critical: dice.oneIn(4),
    contents: dice.bytes(dice.size(300)),
  }));
  return hex(encode(untilEnd(messageExtension), list));
}

/** Whole, or with gaps, overlaps, pieces without end, and a second end. */
function fragments(dice: Dice): NonNullable<Recipe['fragments']> {
  const size = 100 + dice.below(400);
  const pieces = Array.from({ length: 1 + dice.size(40) }, (_, i) => ({ offset: i * size, length: size, last: false }));
  const end = { offset: pieces.length * size, length: 65_536, last: true };
  const all = [...pieces, ...(dice.oneIn(4) ? [] : [end])];
  if (dice.oneIn(2)) return all;
  return all.map((piece) => ({
    ...piece,
    offset: dice.oneIn(4) ? dice.pick([0, 1, piece.offset + 1, 0xffffff, dice.below(0xffffff)]) : piece.offset,
    last: dice.oneIn(6) ? !piece.last : piece.last,
  }));
}
