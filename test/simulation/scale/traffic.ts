import { toHex } from '#platform/bytes.ts';
import { MessageCode } from '#reload/wire/codes.ts';
import type { ResourceId } from '#reload/wire/ids.ts';

/** Bytes of a forwarding header before its lists (RFC 6940 §6.3.2), and where in it the fields lie that are read here. */
const FIXED_HEADER = 38;
const FRAGMENT = 12;
const OFFSET_BITS = 0xffffff;
const TRANSACTION = 20;
const VIA_LENGTH = 32;
const DESTINATION_LENGTH = 34;
const OPTIONS_LENGTH = 36;
/** Where the Resource-ID lies after the header: behind code, length of the body and its own length. */
const RESOURCE = 7;
const RESOURCE_LENGTH = 16;

const NAMES: ReadonlyMap<number, string> = new Map(Object.entries(MessageCode).map(([name, code]) => [code, name]));

/** What a Fetch request on its way shows without being decoded. */
export interface FetchGlance {
  readonly resource: ResourceId;
  readonly transaction: bigint;
  /** Whether the host that sends it made it, and does not pass it on: the Via List is empty. */
  readonly isFirstHop: boolean;
}

function headerLength(view: DataView): number {
  return (
    FIXED_HEADER + view.getUint16(VIA_LENGTH) + view.getUint16(DESTINATION_LENGTH) + view.getUint16(OPTIONS_LENGTH)
  );
}

/** The code of a message; 0 for later fragments, which do not show it. */
export function codeOf(bytes: Uint8Array): number {
  const view = viewOf(bytes);
  if ((view.getUint32(FRAGMENT) & OFFSET_BITS) !== 0) return 0;
  return view.getUint16(headerLength(view));
}

export function transactionOf(bytes: Uint8Array): bigint {
  return viewOf(bytes).getBigUint64(TRANSACTION);
}

export function glanceAtFetch(bytes: Uint8Array): FetchGlance {
  const view = viewOf(bytes);
  const at = headerLength(view) + RESOURCE;
  return {
    resource: toHex(bytes.subarray(at, at + RESOURCE_LENGTH)) as ResourceId,
    transaction: view.getBigUint64(TRANSACTION),
    isFirstHop: view.getUint16(VIA_LENGTH) === 0,
  };
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

export interface CodeTraffic {
  readonly code: string;
  readonly messages: number;
  readonly bytes: number;
}

/** Counts messages by code, each once for every link that it crosses. */
export class TrafficCounter {
  readonly #messages = new Float64Array(0x10000);
  readonly #bytes = new Float64Array(0x10000);

  count(code: number, bytes: number): void {
    this.#messages[code] = (this.#messages[code] ?? 0) + 1;
    this.#bytes[code] = (this.#bytes[code] ?? 0) + bytes;
  }

  reset(): void {
    this.#messages.fill(0);
    this.#bytes.fill(0);
  }

  /** Busiest codes first. */
  byCode(): readonly CodeTraffic[] {
    const found: CodeTraffic[] = [];
    for (const [code, messages] of this.#messages.entries()) {
      if (messages > 0)
        found.push({ code: NAMES.get(code) ?? `0x${code.toString(16)}`, messages, bytes: this.#bytes[code] ?? 0 });
    }
    return found.sort((a, b) => b.bytes - a.bytes);
  }
}
