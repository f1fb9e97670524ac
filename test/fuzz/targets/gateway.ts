import { parse } from 'smol-toml';
import { findCalls, timeKey } from '#gateway/call-log.ts';
import { readCallQuery } from '#gateway/call-query.ts';
import { CallerLists } from '#gateway/screening/caller-lists.ts';
import { nameFits, parseCallerPattern, printCallerPattern } from '#gateway/screening/caller-pattern.ts';
import { answerScreening, type Screened, screeningRequest } from '#gateway/screening/screening-commands.ts';
import { factsOf, greetingSound, messageFile, soundOf } from '#gateway/voice-mail/message-file.ts';
import { writeWav } from '#media/wav.ts';
import { parseCommand } from '#mqtt/command.ts';
import { utf8 } from '#platform/bytes.ts';
import { Failure } from '#platform/failure.ts';
import { checkProfile } from '#pstn/modem/profiles/check.ts';
import type { SerialListener } from '#pstn/modem/serial-port.ts';
import { TranscriptRecorder } from '#pstn/transcript/recorder.ts';
import { memoryStore } from '#store/memory-store.ts';
import { VirtualClock } from '../../simulation/virtual-clock.ts';
import type { Dice } from '../dice.ts';
import { BrokenPromise, bytesTarget, type Target, textTarget } from '../target.ts';

/** What owners, their brokers and their modems hand to a gateway, and callers through them. */
export function gatewayTargets(): readonly Target[] {
  return [profileFile(), transcript(), callerPattern(), mqttCommand(), mailFile(), callQuery()];
}

const PROFILE = `name = "acme"
title = "Acme 56k"
init = ["ATS0=0", "AT+VCID=1", "ATE0V1"]
[[match]]
ati3 = ["acme"]
[country]
commands = ["AT+GCI={t35}"]
[voltage]
ask = "AT-TRV"
no_line_below = 10
in_use_below = 30
[codes]
handset = { lifted = "t", down = "u" }
`;

function profileFile(): Target {
  return textTarget('gateway modem profile', {
    words: ['ATD', 'ATS0=1', ';D0', '"AT', '[codes]', '{', '}', '[[match]]', 'kind = "cellular"', '\\u0000', '+VTS='],
    sample: () => PROFILE,
    run(text) {
      let read: unknown;
      try {
        read = parse(text);
      } catch (thrown) {
        // The loader tells of it as of any fault in a file.
        throw new Failure({ code: 'not-toml' }, 'no TOML', thrown);
      }
      const outcome = checkProfile(read);
      if (!('profile' in outcome)) return outcome;
      const { init } = outcome.profile;
      const bad = init.find((command) => /^AT[^+#*^$!-]*(?<!&)[DAO]|;|VTS/i.test(command.replaceAll(' ', '')));
      if (bad !== undefined) throw new BrokenPromise(`${bad} could dial`);
      return outcome;
    },
  });
}

const NUMBER = '0301234567';

/** Lines of a modem beside a transcript that is to be shared. Each code in a stream becomes a line of JSON. */
function transcript(): Target {
  const target = textTarget('gateway transcript', {
    words: ['\r\n', '\x10', '\x10\x03', 'CONNECT', 'NMBR = ', 'NAME = ', '+CLIP: "', 'OK', '"', ','],
    sample: (dice) =>
      dice.pick([
        `RING\r\n\r\nDATE = 1123\r\nNMBR = ${NUMBER}\r\nNAME = ERIKA\r\n\r\nRING\r\n`,
        `+CLIP: "${NUMBER}",129,,,"",0\r\nRING\r\n`,
        'ATI3\r\nCX93001-EIS\r\n\r\nOK\r\nAT+VTR\r\nCONNECT\r\n\x10R\x10b\xff\xff\x10\x03\r\nOK\r\n',
      ]),
    async run(_, bytes) {
      const lines: string[] = [];
      const recorder = new TranscriptRecorder(
        { clock: new VirtualClock(), write: (line) => lines.push(line) },
        { program: 'fuzz' },
      );
      const heard: SerialListener[] = [];
      const open = recorder.listeningTo(async (_path, _rate, listener) => {
        heard.push(listener);
        return { write: () => {}, close: async () => {} } as never;
      });
      const device = await open('x', 115_200, { data: () => {}, closed: () => {} });
      device.write(bytes);
      heard[0]?.data(bytes);
      const size = lines.reduce((sum, line) => sum + line.length, 0);
      if (size > 2000 + bytes.length * 40) throw new BrokenPromise('the transcript is far larger than what was said');
      for (const line of lines) JSON.parse(line);
      if (lines.join('\n').includes(NUMBER)) throw new BrokenPromise('a number is in a transcript');
      return lines;
    },
  });
  return { ...target, work: 100 };
}

const WRITTEN = ['+4930123456', '+4990*', 'withheld', 'unavailable', 'name:*lottery*', 'name:A*B*C*', '030 123-456'];

function callerPattern(): Target {
  return textTarget('gateway caller pattern', {
    words: ['*', 'name:', '+', 'withheld', '(', ' ', '**********'],
    sample: (dice) => `${dice.pick(WRITTEN)}\n${dice.pick(['Erika', 'LOTTERY WIN', 'a'.repeat(64)])}`,
    run(text) {
      const [written = '', name = ''] = text.split('\n', 2);
      const pattern = parseCallerPattern(written);
      const printed = printCallerPattern(pattern);
      if (printCallerPattern(parseCallerPattern(printed)) !== printed) throw new BrokenPromise('it reads otherwise');
      return [printed, nameFits(name.slice(0, 64), printed)];
    },
  });
}

const MAX_PER_RUN = 20;

function mqttCommand(): Target {
  return textTarget('gateway MQTT command', {
    words: ['"command"', '"block"', '"allow"', '"unblock"', 'block-last', 'hangup', 'null', '{}', '"__proto__"', '\n'],
    sample: (dice) =>
      Array.from({ length: 1 + dice.below(4) }, () =>
        dice.pick([
          JSON.stringify({ command: dice.pick(['block', 'unblock', 'allow', 'unallow']), caller: dice.pick(WRITTEN) }),
          ...['block-last', 'hangup'],
        ]),
      ).join('\n'),
    async run(text) {
      const screened = emptyLists();
      for (const line of text.split('\n', MAX_PER_RUN)) {
        const command = parseCommand(line);
        if (command === undefined || command.command === 'hangup') continue;
        await answerScreening(screened, screeningRequest(command));
      }
      const both = [...screened.lists.list('allow'), ...screened.lists.list('block')].map(({ pattern }) => pattern);
      if (new Set(both).size !== both.length) throw new BrokenPromise('a caller stands in both lists');
      return both;
    },
  });
}

function emptyLists(): Screened {
  const entries = memoryStore().namespace('lists');
  const lists = new CallerLists({ clock: new VirtualClock(), entries, changed: () => {} }, { allow: [], block: [] });
  const lastCaller = { number: '+4930123456', name: 'Erika', presentation: 'available' } as const;
  const passed = { count: 0, clear: async () => 0 };
  const judge = () => ({ action: 'ring', why: '' }) as const;
  return { lists, passed, readNumber: async (callerId) => callerId, judge, lastCaller };
}

function mailFile(): Target {
  const facts = { caller: '+4930123456', callerName: 'Erika', line: 'home' };
  return bytesTarget('gateway message or greeting', {
    maxInput: 262_144,
    sample: (dice) =>
      dice.oneIn(2) ? messageFile(dice.bytes(dice.size(4000)), facts) : writeWav(new Int16Array(dice.size(2000))),
    run(input) {
      const { caller } = factsOf(input);
      if (caller.length > 4096) throw new BrokenPromise('a caller longer than a comment');
      if (greetingSound(input).length > 480_000) throw new BrokenPromise('a greeting longer than a minute');
      return [caller, soundOf(input)];
    },
  });
}

const NOW = Date.UTC(2030, 0, 2);
const records = (() => {
  const kept = new Map<string, Uint8Array>(
    Array.from({ length: 60 }, (_, i) => {
      const startedAt = NOW - i * 3_600_000;
      const parties = { caller: i % 2 ? 'alice@home.example' : '+4930123456', callee: '+4930555', line: 'home' };
      const record = { ...parties, direction: 'to-line', startedAt, outcome: i % 3 ? 'answered' : 'missed' };
      return [`${timeKey(startedAt)}-0`, utf8(JSON.stringify(record))] as const;
    }).reverse(),
  );
  return {
    get: (key: string) => kept.get(key),
    keys: (_: string, { after = '' }: { after?: string } = {}) => [...kept.keys()].filter((key) => key > after),
  };
})();

function callQuery(): Target {
  const sample = (dice: Dice) =>
    JSON.stringify(
      dice.pick([
        { count: 3, direction: 'to-line', outcomes: ['missed'] },
        { since: NOW - 86_400_000, until: NOW, caller: 'alice', after: timeKey(NOW) },
      ]),
    );
  return textTarget('gateway call query', {
    words: ['"count"', '"after"', '"outcomes"', 'null', '[]', '1e400', '-1', '0.5', '"__proto__"'],
    sample,
    async run(text) {
      const query = readQuery(text);
      const page = await findCalls(records, query, NOW);
      if (page.calls.length > query.count) throw new BrokenPromise('more calls than were asked for');
      return page;
    },
  });
}

/** What is no query is refused with an Error that says why, as the control socket tells it. */
function readQuery(text: string) {
  try {
    const read: unknown = JSON.parse(text);
    return readCallQuery({ ...(typeof read === 'object' ? read : {}) });
  } catch (thrown) {
    if (thrown instanceof TypeError || thrown instanceof RangeError) throw thrown;
    throw new Failure({ code: 'bad-query' }, 'no query', thrown);
  }
}
