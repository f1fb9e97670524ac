import type { FlowTokens } from '#sip/adapter/flow-tokens.ts';
import type { SipRequest } from '#sip/message/message.ts';
import { parseNameAddress } from '#sip/message/name-address.ts';
import { parseUri } from '#sip/message/uri.ts';
import { sentBy } from '#sip/transaction/identifiers.ts';
import type { Flow } from '#sip/transport/flow.ts';
import type { SipTransport } from '#sip/transport/transport.ts';

/** A request whose Route values that name this proxy have been taken off. */
export interface Routed {
  readonly request: SipRequest;
  /** From the last one's token: where the request goes. Undefined when there was no token. */
  readonly flowKey: string | undefined;
}

export interface RouteDeps {
  readonly tokens: FlowTokens;
  readonly transport: SipTransport;
}

/** Route preprocessing of RFC 3261 §16.4. */
export function takeOwnRoutes(deps: RouteDeps, request: SipRequest): Routed {
  let { headers } = request;
  let uri = request.uri;
  let flowKey: string | undefined;
  const inUri = tokenIn(deps, uri);
  const routes = headers.list('Route');
  const last = routes.at(-1);
  if (inUri !== undefined && last !== undefined) {
    // A strict router put this proxy's own value into the Request-URI; the true one is the last Route.
    flowKey = inUri;
    uri = parseNameAddress(last, 'Route').uri;
    headers = headers.without('Route');
    for (const route of routes.slice(0, -1)) headers = headers.append('Route', route);
  }
  for (let first = headers.first('Route'); first !== undefined; first = headers.first('Route')) {
    const own = ownRoute(deps, parseNameAddress(first, 'Route').uri);
    if (own === undefined) break;
    flowKey = own.flowKey ?? flowKey;
    headers = headers.replaceFirst('Route');
  }
  return { request: request.with({ uri, headers }), flowKey };
}

/**
 * The values a proxy records so that it stays in the path: one for each side, the far side's on top, each with the flow
 * of its side (RFC 3261 §16.6 step 4, §16.7 step 8; RFC 5658).
 */
export function recordRoutes(tokens: FlowTokens, from: Flow, to: Flow): readonly [string, string] {
  return [routeFor(tokens, to), routeFor(tokens, from)];
}

function routeFor(tokens: FlowTokens, flow: Flow): string {
  const transport = flow.transport === 'TCP' ? ';transport=tcp' : '';
  return `<sip:${tokens.seal(flow.key)}@${sentBy(flow)}${transport};lr>`;
}

function ownRoute(deps: RouteDeps, uri: string): { readonly flowKey: string | undefined } | undefined {
  const flowKey = tokenIn(deps, uri);
  if (flowKey !== undefined) return { flowKey };
  const parsed = parseUri(uri, 'Route');
  if (parsed === undefined) return undefined;
  const isHere = deps.transport.isOwnAddress(parsed.host, parsed.port);
  return isHere || parsed.host.toLowerCase() === deps.transport.overlayDomain ? { flowKey: undefined } : undefined;
}

function tokenIn({ tokens }: RouteDeps, uri: string): string | undefined {
  const user = parseUri(uri, 'Route')?.user;
  return user === undefined ? undefined : tokens.open(user);
}
