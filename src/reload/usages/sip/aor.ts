declare const brand: unique symbol;

/**
 * An address-of-record in canonical form, `user@domain`: no scheme, no parameters, escapes of the user part decoded,
 * domain in lower case. Its hash is the Resource-ID of the registration, so that every spelling must end in the same bytes.
 */
export type Aor = string & { readonly [brand]: 'Aor' };

const MAX_LENGTH = 512;

/**
 * Canonical form of a SIP URI or a bare address (RFC 7904 §7, RFC 3261 §10.3 step 5); undefined when it has none.
 * The user part keeps its case (RFC 3261 §19.1.4).
 */
export function parseAor(text: string): Aor | undefined {
  if (text.length > MAX_LENGTH) return undefined;
  const scheme = /^sips?:/i.exec(text)?.[0] ?? '';
  const address = text.slice(scheme.length);
  const at = address.indexOf('@');
  if (at < 1) return undefined;
  const user = decodeUser(withoutPassword(address.slice(0, at), scheme !== ''));
  const domain = parseDomain(address.slice(at + 1));
  return user === undefined || domain === undefined ? undefined : (`${user}@${domain}` as Aor);
}

export function domainOf(aor: Aor): string {
  return aor.slice(aor.indexOf('@') + 1);
}

export function userOf(aor: Aor): string {
  return aor.slice(0, aor.indexOf('@'));
}

/** The AOR of an E.164 number, `+` and up to 15 digits, in an overlay; undefined for anything else. */
export function numberAor(e164: string, overlayName: string): Aor | undefined {
  return /^\+[0-9]{1,15}$/.test(e164) ? parseAor(`${e164}@${overlayName}`) : undefined;
}

/** Only a URI has a password; in a bare address a colon belongs to no user name, and is refused below. */
function withoutPassword(userinfo: string, isUri: boolean): string {
  const colon = userinfo.indexOf(':');
  return isUri && colon >= 0 ? userinfo.slice(0, colon) : userinfo;
}

/** Decodes escapes once. What is not printable ASCII could not stand in a certificate's rfc822Name. */
function decodeUser(text: string): string | undefined {
  if (/%(?![0-9a-fA-F]{2})/.test(text)) return undefined;
  if (!/^[\x21-\x7e]+$/.test(text) || text.includes(':')) return undefined;
  const decoded = text.replace(/%([0-9a-fA-F]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  return /^[\x21-\x3f\x41-\x7e]+$/.test(decoded) ? decoded : undefined;
}

/** Cuts URI parameters, headers and port. Host names as in RFC 3261 §25.1, without any escaping. */
function parseDomain(text: string): string | undefined {
  const host = /^[^;?]*/.exec(text)?.[0] ?? '';
  const name = /^(\[[0-9a-fA-F:.]{2,45}\]|[0-9a-zA-Z.-]{1,255})(?::[0-9]{1,5})?$/.exec(host)?.[1]?.toLowerCase();
  if (name === undefined || name.startsWith('[')) return name;
  const trimmed = name.endsWith('.') ? name.slice(0, -1) : name;
  const labels = trimmed.split('.');
  return labels.every((label) => /^[0-9a-z](?:[0-9a-z-]*[0-9a-z])?$/.test(label)) ? trimmed : undefined;
}
