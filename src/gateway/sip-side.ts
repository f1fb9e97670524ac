import { isIPv6 } from 'node:net';
import { networkInterfaces } from 'node:os';
import type { Config } from '#config/schema.ts';
import type { DialledContext } from '#gateway/dialled.ts';
import { freePort } from '#gateway/free-port.ts';
import { openRtpSession } from '#media/rtp-session.ts';
import type { Clock } from '#platform/clock.ts';
import type { Logger } from '#platform/log.ts';
import type { Random } from '#platform/random.ts';
import type { AccountLookup } from '#sip/adapter/authenticator.ts';
import type { CallRouter, RegistrationObserver } from '#sip/adapter/call-router.ts';
import type { MailboxWatch } from '#sip/mwi/notifier.ts';
import { SipStack } from '#sip/sip-stack.ts';

export interface SipSideDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly router: CallRouter;
  /** Present in a proxy. */
  readonly phones: { readonly account: AccountLookup; readonly observer: RegistrationObserver } | undefined;
  /** Present where phones can be told of messages. */
  readonly mailboxes?: MailboxWatch | undefined;
}

/** Puts SIP together for this process: with phones a registrar and proxy, without only overlay connections. */
export function createSip(deps: SipSideDeps, config: Config, context: DialledContext): SipStack {
  const { clock, random, log, router, phones, mailboxes } = deps;
  const { sip } = config;
  const ports = sip.rtp_ports && { first: sip.rtp_ports[0], last: sip.rtp_ports[1] };
  return new SipStack(
    {
      clock,
      random,
      log,
      createMedia: ({ address }) =>
        openRtpSession(
          { clock, random, logger: log.child('media') },
          {
            address,
            ...(sip.advertise === undefined ? {} : { advertise: sip.advertise }),
            ...(ports === undefined ? {} : { ports }),
          },
        ),
      ...(phones === undefined
        ? {}
        : {
            adapter: {
              accounts: phones.account,
              observer: phones.observer,
              ...(mailboxes === undefined ? {} : { mailboxes }),
              router,
              options: {
                realm: context.overlay,
                // Numbers asserted by the operator's gateways are believed, nobody else's (RFC 3325).
                trusts: ({ name }) => name.toLowerCase().endsWith(`@${context.pstnDomain.toLowerCase()}`),
              },
            },
          }),
    },
    {
      transport: { overlayDomain: context.overlay },
      ua: { mediaAddresses: mediaAddresses(config), userAgent: 'Copperring', maxCalls: config.limits.calls },
    },
  );
}

/** Opens UDP and TCP for phones on one port. Resolves with it. */
export async function listenForPhones(stack: SipStack, sip: Config['sip']): Promise<{ host: string; port: number }> {
  const port = await freePort(sip.listen, sip.any_port);
  const at = { host: sip.listen.host, port };
  const bound = await stack.listen({ transport: 'udp', ...at });
  await stack.listen({ transport: 'tcp', ...at });
  return bound;
}

function mediaAddresses(config: Config): { readonly ipv4?: string; readonly ipv6?: string } {
  const { media_address: set } = config.sip;
  if (set !== undefined) return isIPv6(set) ? { ipv6: set } : { ipv4: set };
  if (config.overlay.loopback) return { ipv4: '127.0.0.1', ipv6: '::1' };
  const all = Object.values(networkInterfaces()).flatMap((list) => list ?? []);
  const outside = all.filter(({ internal, address }) => !internal && !address.startsWith('fe80:'));
  const ipv4 = outside.find(({ family }) => family === 'IPv4')?.address ?? '127.0.0.1';
  const ipv6 = outside.find(({ family }) => family === 'IPv6')?.address;
  return ipv6 === undefined ? { ipv4 } : { ipv4, ipv6 };
}
