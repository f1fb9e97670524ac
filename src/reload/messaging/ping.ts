import type { Clock } from '#platform/clock.ts';
import { type Random, randomU64 } from '#platform/random.ts';
import type { Exchange } from '#reload/messaging/exchange.ts';
import { decode, encode } from '#reload/wire/codec.ts';
import { MessageCode } from '#reload/wire/codes.ts';
import { pingAns, pingReq } from '#reload/wire/ping.ts';

/** Answers every Ping, whatever it was addressed to: routing has decided that it is for this node (RFC 6940 §6.5.3). */
export function answerPings(exchange: Exchange, deps: { readonly clock: Clock; readonly random: Random }): void {
  exchange.handle(MessageCode.pingReq, (request) => {
    decode(pingReq, request.body);
    return { body: encode(pingAns, { responseId: randomU64(deps.random), time: BigInt(deps.clock.now()) }) };
  });
}
