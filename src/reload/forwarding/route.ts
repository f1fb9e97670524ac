import { toHex } from '#platform/bytes.ts';
import type { NextHop } from '#reload/forwarding/next-hop.ts';
import { ErrorCode, ForwardingFlag } from '#reload/wire/codes.ts';
import { type Destination, nodeDestination } from '#reload/wire/destination.ts';
import type { ForwardingHeader, HeaderFields } from '#reload/wire/forwarding-header.ts';
import { type NodeId, WILDCARD_NODE_ID } from '#reload/wire/ids.ts';

/** What this node knows when a message comes by. */
export interface RouteView {
  readonly self: NodeId;
  /** Hash of this overlay's name. */
  readonly overlay: number;
  readonly initialTtl: number;
  /** Who handed the message over, as it goes into the Via List; undefined for messages of this node itself. */
  readonly previousHop: Destination | undefined;
  /** Undefined for later fragments, which do not show their message code. */
  readonly isRequest: boolean | undefined;
  readonly nextHop: NextHop;
  isLinked(nodeId: NodeId): boolean;
  /** Whether this node made the opaque id, and it still stands for a link. */
  isOwnOpaque(id: Uint8Array): boolean;
}

export type DropReason =
  | 'overlay'
  | 'ttl'
  | 'destination-list'
  | 'via-list'
  | 'option'
  | 'wildcard'
  | 'stale-opaque'
  | 'absent-node'
  | 'no-route';

export type Decision =
  | { readonly type: 'deliver' }
  | { readonly type: 'forward'; readonly to: NodeId; readonly header: HeaderFields }
  | { readonly type: 'forward-opaque'; readonly id: Uint8Array; readonly header: HeaderFields }
  | { readonly type: 'drop'; readonly reason: DropReason }
  /** Like `drop`, and the sender of the request is told. */
  | { readonly type: 'reject'; readonly reason: DropReason; readonly errorCode: number; readonly info: string };

/** Forwarding options that this program acts upon: none yet, so every critical one is refused (RFC 6940 §6.3.2.3). */
const KNOWN_OPTIONS: ReadonlySet<number> = new Set();

/** Decides what becomes of a message (RFC 6940 §6.1). Pure: the same header and view always give the same decision. */
export function route(header: HeaderFields, view: RouteView): Decision {
  return (view.previousHop === undefined ? undefined : refuse(header, view)) ?? classify(header, view);
}

/** Where an answer to a received request goes: back over the same nodes (RFC 6940 §6.1.2, §6.2.2). */
export function returnPath(header: HeaderFields, previousHop: Destination): readonly Destination[] {
  return [previousHop, ...[...header.viaList].reverse()];
}

/** The checks of RFC 6940 §6.1 that come before routing. */
function refuse(header: HeaderFields, view: RouteView): Decision | undefined {
  if (header.overlay !== view.overlay) {
    return reject(view, 'overlay', ErrorCode.incompatibleWithOverlay, 'this is another overlay');
  }
  if (header.ttl > view.initialTtl) {
    return reject(view, 'ttl', ErrorCode.ttlExceeded, `ttl ${header.ttl} is above the initial ttl ${view.initialTtl}`);
  }
  // RFC 6940 §6.3.2.2: a resource is never behind a message, and always the last stop ahead of it.
  if (header.viaList.some((entry) => entry.type === 'resource')) return { type: 'drop', reason: 'via-list' };
  if (header.destinationList.slice(0, -1).some((entry) => entry.type === 'resource')) {
    return { type: 'drop', reason: 'destination-list' };
  }
  if (view.isRequest === true && hasDuplicates(header.destinationList)) {
    return reject(view, 'destination-list', ErrorCode.invalidMessage, 'an entry is twice in the destination list');
  }
  return undefined;
}

/** Only the first entry decides; own entries in front are taken off (RFC 6940 §6.1.1 - §6.1.3). */
function classify(header: HeaderFields, view: RouteView): Decision {
  let list = header.destinationList;
  while (list[0]?.type === 'node' && list[0].id === view.self) {
    if (list.length === 1) return deliver(header, view);
    list = list.slice(1);
  }
  const first = list[0];
  // RFC 6940 §6.3.2.2: a type of a later standard is passed by elsewhere in the list, but leads nowhere from here.
  if (first === undefined || first.type === 'unknown') return { type: 'drop', reason: 'destination-list' };
  if (first.type === 'opaque') return towardsOpaque(header, view, list);
  if (first.type === 'node') {
    if (first.id === WILDCARD_NODE_ID) {
      if (list.length > 1 || view.previousHop === undefined) return { type: 'drop', reason: 'wildcard' };
      return deliver(header, view);
    }
    if (view.isLinked(first.id)) return forward(header, view, list, first.id);
    // RFC 6940 §6.1.1: a node that would be here and is not linked does not exist. Silence is the answer.
    if (view.nextHop.isResponsible(first.id)) return { type: 'drop', reason: 'absent-node' };
  } else if (view.nextHop.isResponsible(first.id)) {
    return list.length === 1 ? deliver(header, view) : { type: 'drop', reason: 'destination-list' };
  }
  const previous = view.previousHop?.type === 'node' ? view.previousHop.id : undefined;
  const next = view.nextHop.nextHop(first.id, previous);
  return next === undefined ? { type: 'drop', reason: 'no-route' } : forward(header, view, list, next);
}

function deliver(header: HeaderFields, view: RouteView): Decision {
  if (view.isRequest === true && hasUnknownOption(header, ForwardingFlag.destinationCritical)) {
    return reject(
      view,
      'option',
      ErrorCode.unsupportedForwardingOption,
      'a forwarding option critical for the destination',
    );
  }
  return { type: 'deliver' };
}

function forward(header: HeaderFields, view: RouteView, list: readonly Destination[], to: NodeId): Decision {
  const next = relayed(header, view, list);
  return 'type' in next ? next : { type: 'forward', to, header: next };
}

/**
 * Leads back over a link whose Node-ID is not known: the wildcard takes the place of the id, since the neighbour has to recognise
 * itself. Ids made by other nodes can only be reached by the entries before them.
 */
function towardsOpaque(header: HeaderFields, view: RouteView, list: readonly Destination[]): Decision {
  const first = list[0];
  if (first?.type !== 'opaque' || list.length > 1 || !view.isOwnOpaque(first.id)) {
    return { type: 'drop', reason: 'stale-opaque' };
  }
  const next = relayed(header, view, [nodeDestination(WILDCARD_NODE_ID)]);
  return 'type' in next ? next : { type: 'forward-opaque', id: first.id, header: next };
}

/** The header as it leaves this node. Messages of its own leave unchanged but for own entries in front. */
function relayed(
  header: HeaderFields,
  view: RouteView,
  destinationList: readonly Destination[],
): HeaderFields | Decision {
  if (view.previousHop === undefined) {
    return destinationList === header.destinationList ? header : { ...header, destinationList };
  }
  if (header.ttl === 0) return reject(view, 'ttl', ErrorCode.ttlExceeded, 'ttl ran out');
  if (view.isRequest !== false && hasUnknownOption(header, ForwardingFlag.forwardCritical)) {
    return reject(view, 'option', ErrorCode.unsupportedForwardingOption, 'a forwarding option critical for forwarders');
  }
  // RFC 6940 §6.1.2: answers need no way back. Of later fragments nobody knows what they are: there it does no harm.
  const viaList = view.isRequest === false ? header.viaList : [...header.viaList, view.previousHop];
  return { ...header, ttl: header.ttl - 1, viaList, destinationList };
}

function reject(view: RouteView, reason: DropReason, errorCode: number, info: string): Decision {
  return view.isRequest === true ? { type: 'reject', reason, errorCode, info } : { type: 'drop', reason };
}

function hasUnknownOption(header: HeaderFields, flag: number): boolean {
  return header.options.some((option) => (option.flags & flag) !== 0 && !KNOWN_OPTIONS.has(option.type));
}

/** RFC 6940 §13.6.5. Lists are a few entries long; a key per entry keeps hostile ones linear. */
function hasDuplicates(list: ForwardingHeader['destinationList']): boolean {
  if (list.length < 2) return false;
  return new Set(list.map(destinationKey)).size < list.length;
}

function destinationKey(entry: Destination): string {
  if (entry.type === 'unknown') return `${entry.code}:${toHex(entry.data)}`;
  return `${entry.type}:${entry.type === 'opaque' ? toHex(entry.id) : entry.id}`;
}
