/** Compact forms (RFC 3261 §7.3.3 and the registrations since). */
const COMPACT: Readonly<Record<string, string>> = {
  c: 'content-type',
  e: 'content-encoding',
  f: 'from',
  i: 'call-id',
  k: 'supported',
  l: 'content-length',
  m: 'contact',
  o: 'event',
  r: 'refer-to',
  s: 'subject',
  t: 'to',
  u: 'allow-events',
  v: 'via',
  x: 'session-expires',
};

/** The usual spellings, so that most messages need no lower-casing. */
const KNOWN: ReadonlyMap<string, string> = new Map(
  [
    ...['Via', 'From', 'To', 'Call-ID', 'CSeq', 'Contact', 'Max-Forwards', 'Route', 'Record-Route', 'Content-Type'],
    ...['Content-Length', 'Expires', 'Min-Expires', 'Allow', 'Supported', 'Require', 'Proxy-Require', 'Unsupported'],
    ...['Authorization', 'Proxy-Authorization', 'WWW-Authenticate', 'Proxy-Authenticate', 'User-Agent', 'Server'],
    ...['P-Asserted-Identity', 'P-Preferred-Identity', 'Privacy', 'Reason', 'Accept', 'Date', 'Retry-After', 'Warning'],
  ].map((name) => [name, name.toLowerCase()]),
);

/** The key of a field: its long name in lower case. */
export function headerKey(name: string): string {
  const known = KNOWN.get(name);
  if (known !== undefined) return known;
  const lower = name.toLowerCase();
  return lower.length === 1 ? (COMPACT[lower] ?? lower) : lower;
}

/** Fields whose values may be joined by commas in one line (RFC 3261 §7.3.1, table 2). */
const LISTS: ReadonlySet<string> = new Set([
  ...['via', 'contact', 'route', 'record-route', 'allow', 'supported', 'require', 'proxy-require', 'unsupported'],
  ...['accept', 'p-asserted-identity', 'p-preferred-identity', 'reason', 'path', 'service-route'],
]);

export function isList(key: string): boolean {
  return LISTS.has(key);
}
