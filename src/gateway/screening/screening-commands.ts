import { LIST_NAMES, type ListEntry, type ListName } from '#gateway/screening/caller-lists.ts';
import { type CallerPattern, parseCallerPattern, printCallerPattern } from '#gateway/screening/caller-pattern.ts';
import type { Verdict } from '#gateway/screening/screening.ts';
import type { MqttCommand } from '#mqtt/command.ts';
import { Failure } from '#platform/failure.ts';
import type { CallerId } from '#pstn/line.ts';

interface ScreeningCommandFault {
  readonly code: 'bad-command';
}

/** What `copperring screening list` shows. */
export interface ScreeningReport {
  readonly allow: readonly ListEntry[];
  readonly block: readonly ListEntry[];
  /** How many numbers passed the challenge and are remembered. */
  readonly passed: number;
}

/** What the commands work on. */
export interface Screened {
  readonly lists: {
    list(name: ListName): readonly ListEntry[];
    add(name: ListName, pattern: CallerPattern, note?: string): Promise<void>;
    remove(name: ListName, pattern: CallerPattern): Promise<boolean>;
  };
  readonly passed: { readonly count: number; clear(): Promise<number> };
  /** A national number as the lines tell it, made E.164. */
  readNumber(callerId: CallerId): Promise<CallerId>;
  judge(callerId: CallerId, line: string): Verdict;
  /** Who rang last, by number or for being withheld; undefined before the first ring. */
  readonly lastCaller: CallerId | undefined;
}

/** Answers one `screening` request of the control socket or of MQTT; throws with what is wrong about it. */
export async function answerScreening(
  screened: Screened | undefined,
  request: Readonly<Record<string, unknown>>,
): Promise<unknown> {
  if (screened === undefined) throw bad('this node has no telephone line; callers are screened where the line is');
  const { lists, passed } = screened;
  switch (request.action) {
    case 'list':
      return { allow: lists.list('allow'), block: lists.list('block'), passed: passed.count } satisfies ScreeningReport;
    case 'add': {
      const pattern = await patternIn(screened, request.caller);
      await lists.add(listIn(request.list), pattern, noteIn(request.note));
      return { pattern: printCallerPattern(pattern) };
    }
    case 'remove': {
      const pattern = await patternIn(screened, request.caller);
      return {
        pattern: printCallerPattern(pattern),
        removed: await lists.remove(listIn(request.list), pattern),
      };
    }
    case 'block-last':
      return blockLast(screened);
    case 'forget-passed':
      return { forgotten: await passed.clear() };
    case 'test':
      return testCaller(screened, request);
    default:
      throw bad('the actions are list, add, remove, block-last, forget-passed and test');
  }
}

/** Only a number: blocking all withheld callers because one of them was a nuisance is a decision of its own. */
async function blockLast({ lists, lastCaller }: Screened): Promise<{ readonly pattern: string }> {
  if (lastCaller?.number === undefined) throw bad('the last caller told no number, or nobody has called yet');
  const pattern = parseCallerPattern(lastCaller.number);
  await lists.add('block', pattern, lastCaller.name);
  return { pattern: printCallerPattern(pattern) };
}

/** A command of MQTT as `answerScreening` takes it. */
export function screeningRequest(
  command: Exclude<MqttCommand, { command: 'hangup' }>,
): Readonly<Record<string, unknown>> {
  if (command.command === 'block-last') return { action: 'block-last' };
  const isAddition = command.command === 'block' || command.command === 'allow';
  const list = command.command === 'block' || command.command === 'unblock' ? 'block' : 'allow';
  return { action: isAddition ? 'add' : 'remove', list, caller: command.caller };
}

async function testCaller(screened: Screened, request: Readonly<Record<string, unknown>>): Promise<Verdict> {
  const pattern = parseCallerPattern(textIn(request.caller, 'caller'));
  const name = request.name === undefined ? undefined : textIn(request.name, 'name');
  const line = request.line === undefined ? '' : textIn(request.line, 'line');
  switch (pattern.kind) {
    case 'number':
      return screened.judge(
        await screened.readNumber({ number: pattern.number, name, presentation: 'available' }),
        line,
      );
    case 'withheld':
    case 'unavailable':
      return screened.judge({ number: undefined, name, presentation: pattern.kind }, line);
    default:
      throw bad('test a number, "withheld" or "unavailable"; a name is given beside it');
  }
}

/** Numbers are kept as the lines' callers are told: in E.164 where that is possible. */
async function patternIn(screened: Screened, caller: unknown): Promise<CallerPattern> {
  const pattern = parseCallerPattern(textIn(caller, 'caller'));
  if (pattern.kind !== 'number') return pattern;
  const { number = pattern.number } = await screened.readNumber({
    number: pattern.number,
    name: undefined,
    presentation: 'available',
  });
  return { kind: 'number', number };
}

function listIn(value: unknown): ListName {
  const name = LIST_NAMES.find((one) => one === value);
  if (name === undefined) throw bad('the lists are allow and block');
  return name;
}

function noteIn(value: unknown): string | undefined {
  return value === undefined ? undefined : textIn(value, 'note');
}

function textIn(value: unknown, name: string): string {
  if (typeof value === 'string' && value.length > 0 && value.length <= 254) return value;
  throw bad(`${name} is a text of 1 to 254 characters`);
}

function bad(message: string): Failure<ScreeningCommandFault> {
  return new Failure<ScreeningCommandFault>({ code: 'bad-command' }, message);
}
