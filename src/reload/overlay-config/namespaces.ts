/** XML namespaces of the configuration document (RFC 6940 §11.1, RFC 7904 §3.4, RFC 7374 §8). */
export const BASE_NAMESPACE = 'urn:ietf:params:xml:ns:p2p:config-base';
export const CHORD_NAMESPACE = 'urn:ietf:params:xml:ns:p2p:config-chord';
export const SIP_NAMESPACE = 'urn:ietf:params:xml:ns:p2p:config-base:sip';
export const REDIR_NAMESPACE = 'urn:ietf:params:xml:ns:p2p:redir';

/**
 * Copperring's own elements, all optional children of `configuration`:
 * `pstn-domain`, the domain whose names belong to gateways;
 * `gateway-prefix-lengths`, the digit counts for which gateways may open ReDiR namespaces, separated by blanks (`0 1 2 3`); and
 * `multicast-bootstrap`, any number of times: a group (attributes `address` and `port`, by default 6084) where peers answer searches.
 * Other implementations may ignore them, so they are no mandatory extension.
 */
export const COPPERRING_NAMESPACE = 'urn:copperring:config';

/** What a document may list as `mandatory-extension` for this node to join (RFC 6940 §11.1). */
export const SUPPORTED_EXTENSIONS: ReadonlySet<string> = new Set([
  BASE_NAMESPACE,
  CHORD_NAMESPACE,
  SIP_NAMESPACE,
  REDIR_NAMESPACE,
  COPPERRING_NAMESPACE,
]);
