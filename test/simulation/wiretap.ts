import { decode } from '#reload/wire/codec.ts';
import { MessageCode } from '#reload/wire/codes.ts';
import type { ForwardingHeader } from '#reload/wire/forwarding-header.ts';
import type { NodeId } from '#reload/wire/ids.ts';
import { splitMessage } from '#reload/wire/message.ts';
import { type ChordUpdate, chordUpdate } from '#reload/wire/update.ts';
import type { SimulatedOverlay } from './simulated-overlay.ts';

export interface Seen {
  /** Virtual milliseconds since 1970. */
  readonly at: number;
  readonly from: NodeId;
  readonly to: NodeId;
  readonly code: number;
  readonly header: ForwardingHeader;
  readonly body: Uint8Array;
}

/** Writes down every message between nodes from now on, decoded. */
export function tapWires(overlay: SimulatedOverlay): Seen[] {
  const seen: Seen[] = [];
  const ids = new Map<unknown, NodeId>();
  const nodeAt = (host: unknown) => {
    const known = ids.get(host);
    if (known !== undefined) return known;
    const found = overlay.nodes.find((node) => node.host === host)!.node.nodeId;
    ids.set(host, found);
    return found;
  };
  overlay.network.tap = (from, to, bytes) => {
    const { header, contents } = splitMessage(bytes);
    const { code, body } = contents;
    seen.push({ at: overlay.clock.now(), from: nodeAt(from), to: nodeAt(to), code, header, body: body.slice() });
  };
  return seen;
}

export const isUpdate = (message: Seen) => message.code === MessageCode.updateReq;

export function updateOf(message: Seen): ChordUpdate {
  return decode(chordUpdate, message.body);
}
