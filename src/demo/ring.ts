import { createHash } from 'node:crypto';

/** The Resource-ID of a user's records (RFC 6940 §10.2). */
export function placeOf(aor: string): string {
  return createHash('sha1').update(aor).digest('hex').slice(0, 32);
}

/** Members of the ring in the order in which they are responsible for `place`: the first now, the next when that one is lost. */
export function successionOf<Member extends { readonly nodeId: string }>(
  place: string,
  members: readonly Member[],
): readonly Member[] {
  const sorted = members.toSorted((a, b) => (a.nodeId < b.nodeId ? -1 : 1));
  const first = sorted.findIndex(({ nodeId }) => nodeId >= place);
  return first <= 0 ? sorted : [...sorted.slice(first), ...sorted.slice(0, first)];
}

const MOST_NAMES = 10_000;

/**
 * A user name whose registration lies at two plain peers, one after the other: the demo stops both, and must not hit
 * the gateway or the proxy, which carry the call. There is one in every ring of four plain peers and two others.
 */
export function userBetween<Member extends { readonly nodeId: string; readonly plain: boolean }>(
  domain: string,
  members: readonly Member[],
): string {
  for (let n = 1; n <= MOST_NAMES; n++) {
    const user = `alice${n}`;
    const [first, second] = successionOf(placeOf(`${user}@${domain}`), members);
    if (first?.plain === true && second?.plain === true) return user;
  }
  throw new Error(`none of ${MOST_NAMES} user names lies between two plain peers`);
}
