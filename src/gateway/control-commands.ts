import { type CallPage, type CallQuery, readCallQuery } from '#gateway/call-query.ts';
import type { Discovery, OverlaySide } from '#gateway/overlay-side.ts';
import type { PlaceCallOptions, PlacedCall } from '#gateway/place-call.ts';
import { answerScreening, type Screened } from '#gateway/screening/screening-commands.ts';
import type { Status } from '#gateway/status.ts';
import { answerVoiceMail } from '#gateway/voice-mail/voice-mail-commands.ts';
import type { VoiceMailSide } from '#gateway/voice-mail/voice-mail-side.ts';
import { Failure } from '#platform/failure.ts';

/** What the control socket can ask of the running process. */
export interface Controlled {
  status(): Status;
  readonly member:
    | {
        discover(number: string | undefined, signal: AbortSignal): Promise<Discovery | undefined>;
        placeCall(options: PlaceCallOptions, signal: AbortSignal): Promise<PlacedCall>;
        findCalls(query: CallQuery): Promise<CallPage>;
        /** Resolves with the number of records deleted. */
        deleteCalls(beforeMs: number): Promise<number>;
        heldRecords(count: number): readonly { readonly resource: string; readonly kind: number }[];
        /** Takes a newer document and spreads it; throws when it does not deserve that. */
        adoptConfiguration(document: Uint8Array): void;
        countValues(resource: string, kind: number, signal: AbortSignal): Promise<number>;
        /** Who offers voice mail in the overlay, this node excepted. */
        voiceMailNodes(signal: AbortSignal): ReturnType<OverlaySide['voiceMailNodes']>;
        readonly voiceMail: VoiceMailSide | undefined;
        readonly screened: Screened | undefined;
      }
    | undefined;
}

interface ControlCommandFault {
  readonly code: 'bad-command';
}

const DISCOVERY_MS = 15_000;
const FETCH_MS = 5000;
const MAX_CALL_SECONDS = 3600;

/** Answers one request; throws with what is wrong about it. */
export async function answerControl(
  application: Controlled,
  request: Readonly<Record<string, unknown>>,
): Promise<unknown> {
  switch (request.command) {
    case 'status':
      return application.status();
    case 'discover':
      return memberOf(application).discover(numberIn(request.number), AbortSignal.timeout(DISCOVERY_MS));
    case 'call':
      return memberOf(application).placeCall(
        callOptions(request),
        AbortSignal.timeout((MAX_CALL_SECONDS + 120) * 1000),
      );
    case 'calls':
      return memberOf(application).findCalls(readCallQuery(request));
    case 'delete-calls':
      return { deleted: await memberOf(application).deleteCalls(within(request.before, 0, 8.64e15, 'before')) };
    case 'records':
      return memberOf(application).heldRecords(within(request.count ?? 1000, 1, 10_000, 'count'));
    case 'fetch':
      return memberOf(application).countValues(
        resourceIn(request.resource),
        within(request.kind, 1, 0xffffffff, 'kind'),
        AbortSignal.timeout(FETCH_MS),
      );
    case 'services':
      if (request.service !== 'voice-mail') throw bad('the one service that can be looked for is voice-mail');
      return memberOf(application).voiceMailNodes(AbortSignal.timeout(DISCOVERY_MS));
    case 'voicemail':
      return answerVoiceMail(memberOf(application).voiceMail, request);
    case 'screening':
      return answerScreening(memberOf(application).screened, request);
    case 'adopt':
      memberOf(application).adoptConfiguration(documentIn(request.document));
      return {};
    default:
      throw bad(
        'the commands are status, discover, call, calls, delete-calls, records, fetch, services, voicemail, screening and adopt',
      );
  }
}

function memberOf(application: Controlled): NonNullable<Controlled['member']> {
  if (!application.member) throw bad('this process is no member of the overlay');
  return application.member;
}

function numberIn(value: unknown): string | undefined {
  if (value === undefined) return undefined;
  if (typeof value === 'string' && /^\+\d{1,15}$/.test(value)) return value;
  throw bad('a number is given as +4930123456');
}

function resourceIn(value: unknown): string {
  if (typeof value === 'string' && /^[0-9a-f]{32}$/.test(value)) return value;
  throw bad('a resource is given by the 32 hex digits of its Resource-ID');
}

function documentIn(value: unknown): Uint8Array {
  if (typeof value === 'string' && /^[0-9A-Za-z+/]+={0,2}$/.test(value))
    return new Uint8Array(Buffer.from(value, 'base64'));
  throw bad('a document is given in base64');
}

function callOptions(request: Readonly<Record<string, unknown>>): PlaceCallOptions {
  const { to, digits = '' } = request;
  if (typeof to !== 'string' || !/^(?:\+\d{1,15}|[^@\s]{1,64}@[0-9A-Za-z.-]{1,253})$/.test(to)) {
    throw bad('call a number (+4930123456) or a user (alice@home.example)');
  }
  if (typeof digits !== 'string' || !/^[0-9*#A-D]{0,64}$/.test(digits)) throw bad('digits are 0-9 * # A-D');
  return {
    to,
    digits,
    seconds: within(request.seconds ?? 5, 1, MAX_CALL_SECONDS, 'seconds'),
    tone: within(request.tone ?? 440, 100, 3400, 'tone'),
  };
}

function within(value: unknown, least: number, most: number, name: string): number {
  if (typeof value === 'number' && value >= least && value <= most) return value;
  throw bad(`${name} is a number from ${least} to ${most}`);
}

function bad(message: string): Failure<ControlCommandFault> {
  return new Failure<ControlCommandFault>({ code: 'bad-command' }, message);
}
