import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Decision, type RouteView, returnPath, route } from '#reload/forwarding/route.ts';
import { ErrorCode, ForwardingFlag } from '#reload/wire/codes.ts';
import { type Destination, nodeDestination, resourceDestination } from '#reload/wire/destination.ts';
import { type HeaderFields, RELOAD_VERSION } from '#reload/wire/forwarding-header.ts';
import { type NodeId, type ResourceId, WILDCARD_NODE_ID } from '#reload/wire/ids.ts';

const id = (digits: string) => digits.padEnd(32, '0') as NodeId;
const [SELF, P, N, X] = [id('50'), id('10'), id('90'), id('77')];
const node = (nodeId: NodeId) => nodeDestination(nodeId);
const resource = (digits: string) => resourceDestination(id(digits) as string as ResourceId);
const opaque = (value: number): Destination => ({
  type: 'opaque',
  id: Uint8Array.of(value >> 8, value & 255),
  compact: true,
});

function header(destinationList: readonly Destination[], changes: Partial<HeaderFields> = {}): HeaderFields {
  return {
    overlay: 7,
    configurationSequence: 1,
    version: RELOAD_VERSION,
    ttl: 100,
    fragment: { offset: 0, last: true },
    transactionId: 1n,
    maxResponseLength: 0,
    viaList: [],
    destinationList,
    options: [],
    ...changes,
  };
}

/** This node is responsible for ids that begin with 4; the link to N leads everywhere else. */
function view(changes: Partial<RouteView> = {}): RouteView {
  return {
    self: SELF,
    overlay: 7,
    initialTtl: 100,
    previousHop: node(P),
    isRequest: true,
    nextHop: { isResponsible: (target) => target.startsWith('4'), nextHop: () => N },
    isLinked: (nodeId) => nodeId === P || nodeId === N,
    isOwnOpaque: (bytes) => bytes[0] === 0x81,
    ...changes,
  };
}

function forwarded(decision: Decision): HeaderFields & { to?: NodeId } {
  if (decision.type !== 'forward' && decision.type !== 'forward-opaque') throw new Error(decision.type);
  return { ...decision.header, ...(decision.type === 'forward' && { to: decision.to }) };
}

describe('routing by the first destination', () => {
  it('R6940-6.1.1-04 takes the own Node-ID off when more follows, and delivers when it is the only one', () => {
    expect(forwarded(route(header([node(SELF), node(N)]), view())).destinationList).toEqual([node(N)]);
    expect(route(header([node(SELF)]), view())).toEqual({ type: 'deliver' });
    expect(route(header([node(SELF), resource('4a')]), view())).toEqual({ type: 'deliver' });
  });

  it('R6940-6.1-03 looks at the first entry only', () => {
    for (const rest of [[], [node(X)], [opaque(0x8001)], [resource('4a')]]) {
      expect(forwarded(route(header([node(N), ...rest]), view())).to).toBe(N);
    }
  });

  it('R6940-6.1.1-01 delivers a resource in the own range', () => {
    expect(route(header([resource('4a')]), view())).toEqual({ type: 'deliver' });
  });

  it('R6940-6.1.1-02 R6940-6.3.2.2-04 drops without an answer what has entries behind a resource', () => {
    expect(route(header([resource('4a'), node(N)]), view())).toEqual({ type: 'drop', reason: 'destination-list' });
    expect(route(header([resource('9a'), node(N)]), view())).toEqual({ type: 'drop', reason: 'destination-list' });
  });

  it('R6940-6.3.2.2-05 drops what has a resource in its Via List', () => {
    expect(route(header([node(SELF)], { viaList: [resource('4a')] }), view())).toEqual({
      type: 'drop',
      reason: 'via-list',
    });
  });

  it('R6940-6.1.2-01 sends what belongs to another peer to the next hop of the topology', () => {
    expect(forwarded(route(header([resource('9a')]), view())).to).toBe(N);
    expect(forwarded(route(header([node(X)]), view())).to).toBe(N);
  });

  it('R6940-6.1.2-02 goes straight to a linked node, before any look at the ring', () => {
    const client = id('4c');
    const linked = view({
      isLinked: (nodeId) => nodeId === client,
      nextHop: { isResponsible: () => true, nextHop: () => N },
    });
    expect(forwarded(route(header([node(client)]), linked)).to).toBe(client);
  });

  it('R6940-6.1.1-07 drops silently what is for a node in the own range that is not linked', () => {
    expect(route(header([node(id('4f'))]), view())).toEqual({ type: 'drop', reason: 'absent-node' });
  });

  it('R6940-6.1.1-06 delivers the wildcard and never forwards it', () => {
    expect(route(header([node(WILDCARD_NODE_ID)]), view())).toEqual({ type: 'deliver' });
    expect(route(header([node(WILDCARD_NODE_ID), node(N)]), view())).toEqual({ type: 'drop', reason: 'wildcard' });
    expect(route(header([node(WILDCARD_NODE_ID)]), view({ previousHop: undefined }))).toEqual({
      type: 'drop',
      reason: 'wildcard',
    });
  });

  it('drops what has no next hop', () => {
    const alone = view({ nextHop: { isResponsible: () => false, nextHop: () => undefined } });
    expect(route(header([resource('9a')]), alone)).toEqual({ type: 'drop', reason: 'no-route' });
    expect(route(header([]), alone)).toEqual({ type: 'drop', reason: 'destination-list' });
  });

  it('tells the topology where the message came from', () => {
    const asked: unknown[] = [];
    const nextHop = {
      isResponsible: () => false,
      nextHop: (target: NodeId | ResourceId, previous?: NodeId) => {
        asked.push([target, previous]);
        return N;
      },
    };
    route(header([resource('9a')]), view({ nextHop }));
    route(header([resource('9a')]), view({ nextHop, previousHop: undefined }));
    expect(asked).toEqual([
      [id('9a'), P],
      [id('9a'), undefined],
    ]);
  });
});

describe('opaque ids', () => {
  it('R6940-6.1.3-01 lead back over the link they stand for, where the neighbour takes the wildcard for itself', () => {
    const decision = route(header([opaque(0x8155)]), view({ isRequest: false }));
    expect(decision).toMatchObject({ type: 'forward-opaque', id: Uint8Array.of(0x81, 0x55) });
    expect(forwarded(decision).destinationList).toEqual([node(WILDCARD_NODE_ID)]);
  });

  it('R6940-6.3.2.2-09 drop the message silently when their generation has passed, or when others made them', () => {
    expect(route(header([opaque(0x8055)]), view())).toEqual({ type: 'drop', reason: 'stale-opaque' });
    expect(route(header([opaque(0x8155), node(N)]), view())).toEqual({ type: 'drop', reason: 'stale-opaque' });
  });

  it('R6940-6.3.2.2-10 of other nodes are carried on unchanged', () => {
    const list = [node(N), opaque(0xbeef)];
    expect(forwarded(route(header(list), view())).destinationList).toEqual(list);
    const viaList = [opaque(0xbeef)];
    expect(forwarded(route(header([node(N)], { viaList }), view())).viaList).toEqual([opaque(0xbeef), node(P)]);
  });

  it('take the place of a Node-ID in the Via List while it is not known', () => {
    const previousHop = opaque(0x8123);
    expect(forwarded(route(header([node(N)]), view({ previousHop }))).viaList).toEqual([previousHop]);
  });
});

describe('the way back', () => {
  it('R6940-6.1.2-04 a forwarded request remembers the neighbour it came from', () => {
    const first = forwarded(route(header([node(N)]), view()));
    expect(first.viaList).toEqual([node(P)]);
    const second = forwarded(route(header([node(N)], { viaList: [node(X)] }), view()));
    expect(second.viaList).toEqual([node(X), node(P)]);
  });

  it('R6940-6.1.2-09 a forwarded answer does not', () => {
    expect(forwarded(route(header([node(N)]), view({ isRequest: false }))).viaList).toEqual([]);
  });

  it('a later fragment does, since nobody sees what it is', () => {
    expect(forwarded(route(header([node(N)]), view({ isRequest: undefined }))).viaList).toEqual([node(P)]);
  });

  it('R6940-6.1.2-10 R6940-6.2.2-01 leads an answer over the same nodes, the last one first', () => {
    const request = header([node(SELF)], { viaList: [node(X), opaque(0x8001)] });
    expect(returnPath(request, node(P))).toEqual([node(P), opaque(0x8001), node(X)]);
    expect(returnPath(header([node(SELF)]), node(P))).toEqual([node(P)]);
  });

  it('R6940-6.2-01 R6940-6.1.2-03 a request and its answer cross any chain of peers in opposite order', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.integer({ min: 0x60, max: 0xef }), { minLength: 2, maxLength: 12 }), (bytes) => {
        const chain = bytes.map((byte) => id(byte.toString(16)));
        const hops = (message: HeaderFields, nodes: readonly NodeId[], isRequest: boolean): HeaderFields => {
          let current = message;
          for (let at = 1; at < nodes.length; at++) {
            const next = nodes[at + 1];
            const decision = route(current, {
              ...view({ self: nodes[at]!, previousHop: node(nodes[at - 1]!), isRequest }),
              isLinked: (nodeId) => nodeId === next || nodeId === nodes[at - 1],
              nextHop: { isResponsible: () => false, nextHop: () => next },
            });
            if (decision.type === 'deliver') {
              expect(at).toBe(nodes.length - 1);
              return current;
            }
            const { to, ...sent } = forwarded(decision);
            expect(to).toBe(next);
            current = sent;
          }
          throw new Error('the message was not delivered');
        };
        const request = hops(header([node(chain.at(-1)!)]), chain, true);
        const path = returnPath(request, node(chain.at(-2)!));
        expect(path).toEqual([...chain].reverse().slice(1).map(node));
        const answer = hops(header(path), [...chain].reverse(), false);
        expect(answer.viaList).toEqual([]);
      }),
    );
  });
});

describe('checks before routing', () => {
  it('R6940-6.1-01 R6940-6.1-02 refuses another overlay, and tells the sender of a request', () => {
    const other = header([node(SELF)], { overlay: 8 });
    expect(route(other, view())).toMatchObject({ type: 'reject', errorCode: ErrorCode.incompatibleWithOverlay });
    expect(route(other, view({ isRequest: false }))).toEqual({ type: 'drop', reason: 'overlay' });
    expect(route(other, view({ isRequest: undefined }))).toEqual({ type: 'drop', reason: 'overlay' });
  });

  it('R6940-6.3.2-10 refuses a ttl above the initial one, even at the destination', () => {
    const high = header([node(SELF)], { ttl: 101 });
    expect(route(high, view())).toMatchObject({ type: 'reject', errorCode: ErrorCode.ttlExceeded });
    expect(route(high, view({ initialTtl: 120 }))).toEqual({ type: 'deliver' });
  });

  it('R6940-6.3.2-06 lowers the ttl of what it passes on, and not of what it sends itself', () => {
    expect(forwarded(route(header([node(N)]), view())).ttl).toBe(99);
    expect(forwarded(route(header([node(N)]), view({ previousHop: undefined }))).ttl).toBe(100);
  });

  it('R6940-6.3.2-07 passes nothing on with ttl 0, but delivers it', () => {
    expect(route(header([node(N)], { ttl: 0 }), view())).toMatchObject({
      type: 'reject',
      errorCode: ErrorCode.ttlExceeded,
    });
    expect(route(header([node(N)], { ttl: 0 }), view({ isRequest: false }))).toEqual({ type: 'drop', reason: 'ttl' });
    expect(route(header([node(SELF)], { ttl: 0 }), view())).toEqual({ type: 'deliver' });
  });

  it('R6940-13.6.5-02 refuses a request with an entry twice in its Destination List', () => {
    for (const list of [
      [node(N), node(N)],
      [node(N), node(X), node(N)],
      [opaque(0x8155), node(N), opaque(0x8155)],
    ]) {
      expect(route(header(list), view())).toMatchObject({ type: 'reject', errorCode: ErrorCode.invalidMessage });
    }
    expect(forwarded(route(header([node(N), node(X), node(N)]), view({ isRequest: false }))).to).toBe(N);
  });

  it('R6940-6.3.2.3-03 R6940-14.12-02 refuses to pass on a request with an option critical for forwarders', () => {
    const options = [{ type: 1, flags: ForwardingFlag.forwardCritical, value: new Uint8Array() }];
    const refused = route(header([node(N)], { options }), view());
    expect(refused).toMatchObject({ type: 'reject', errorCode: ErrorCode.unsupportedForwardingOption });
    expect(route(header([node(SELF)], { options }), view())).toEqual({ type: 'deliver' });
  });

  it('R6940-6.3.2.3-04 refuses at the destination a request with an option critical for it', () => {
    const options = [{ type: 200, flags: ForwardingFlag.destinationCritical, value: new Uint8Array() }];
    const refused = route(header([node(SELF)], { options }), view());
    expect(refused).toMatchObject({ type: 'reject', errorCode: ErrorCode.unsupportedForwardingOption });
    expect(forwarded(route(header([node(N)], { options }), view())).options).toEqual(options);
  });

  it('R6940-6.3.2.3-01 passes unknown options on as they came', () => {
    const options = [{ type: 250, flags: 0, value: Uint8Array.of(1, 2) }];
    expect(forwarded(route(header([node(N)], { options }), view())).options).toEqual(options);
  });
});
