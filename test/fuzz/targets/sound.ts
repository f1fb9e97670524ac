import { DtmfDetector } from '#media/dtmf.ts';
import { JitterBuffer } from '#media/jitter-buffer.ts';
import { Reception } from '#media/reception.ts';
import { readRtcp, writeRtcp } from '#media/rtcp.ts';
import { readRtp, writeRtp } from '#media/rtp.ts';
import { EventReceiver } from '#media/telephone-event.ts';
import { readWav, wavAsMulaw, writeWav } from '#media/wav.ts';
import { addCallerIdLine, callerIdOf, isComplete } from '#pstn/caller-id.ts';
import { parseAtLine } from '#pstn/emulator/at-line.ts';
import { initialState, step } from '#pstn/modem/machine/machine.ts';
import type { Input, MachineOptions, State, TimerName } from '#pstn/modem/machine/state.ts';
import { builtInProfiles } from '#pstn/modem/profiles/built-in.ts';
import { type ModemItem, ModemReader } from '#pstn/modem/reader.ts';
import { finalResult } from '#pstn/modem/results.ts';
import { chooseMethod, parseVoiceMethod } from '#pstn/modem/voice-methods.ts';
import type { LineHeard } from '#pstn/supervision/line-ear.ts';
import type { Dice } from '../dice.ts';
import { BrokenPromise, bytesTarget, type Target, textTarget } from '../target.ts';

/** Sound on the network and in files, and everything a modem says. */
export function soundTargets(): readonly Target[] {
  return [...media(), modemStream(), modemLines(), modemMachine()];
}

function media(): readonly Target[] {
  return [
    bytesTarget('media RTP', { maxInput: 2048, sample: rtpPacket, run: readRtp }),
    bytesTarget('media RTP stream', { sample: rtpStream, run: receive }),
    bytesTarget('media RTCP', { maxInput: 2048, sample: rtcpPacket, run: readRtcp }),
    bytesTarget('media WAV', {
      maxInput: 262_144,
      sample: (dice) => writeWav(dice.oneIn(2) ? dice.bytes(dice.size(4000)) : new Int16Array(dice.size(2000))),
      run(input) {
        const mulaw = wavAsMulaw(readWav(input));
        new DtmfDetector(() => {}).push(mulaw);
        return mulaw;
      },
    }),
  ];
}

function rtpPacket(dice: Dice): Uint8Array {
  return writeRtp({
    payloadType: dice.pick([0, 8, 101]),
    marker: dice.oneIn(4),
    sequence: dice.below(65_536),
    timestamp: dice.below(2 ** 32),
    ssrc: dice.below(2 ** 32),
    payload: dice.bytes(dice.pick([0, 4, 160, 400])),
  });
}

function rtcpPacket(dice: Dice): Uint8Array {
  const number = () => dice.below(2 ** 32);
  const block = () => ({
    ssrc: number(),
    fractionLost: dice.below(256),
    cumulativeLost: dice.below(1000),
    highestSequence: number(),
    jitter: number(),
    lastSenderReport: number(),
    delaySinceLast: number(),
  });
  const sender = { time: 1e12 + number(), rtpTimestamp: number(), packets: number(), octets: number() };
  const blocks = Array.from({ length: dice.below(4) }, block);
  return writeRtcp({ ssrc: number(), sender: dice.oneIn(2) ? sender : undefined, blocks }, 'a@b', dice.oneIn(2));
}

/** Packets one behind the other, each behind its length of two bytes. */
function rtpStream(dice: Dice): Uint8Array {
  const start = { sequence: dice.below(65_536), timestamp: dice.below(2 ** 32) };
  const packets = Array.from({ length: 2 + dice.below(20) }, (_, i) => {
    const jump = dice.oneIn(6) ? dice.below(2 ** 32) : 0;
    const packet = writeRtp({
      payloadType: 0,
      marker: false,
      sequence: (start.sequence + i + (dice.oneIn(8) ? dice.below(65_536) : 0)) & 0xffff,
      timestamp: (start.timestamp + 160 * i + jump) >>> 0,
      ssrc: 7,
      payload: dice.bytes(160),
    });
    return Buffer.concat([Uint8Array.of(packet.length >> 8, packet.length & 0xff), packet]);
  });
  return Buffer.concat(packets);
}

/** What a session does with what its socket brings. */
function receive(input: Uint8Array): unknown {
  const jitter = new JitterBuffer();
  const events = new EventReceiver();
  let reception: Reception | undefined;
  for (let at = 0, now = 0; at + 2 <= input.length; now += 20) {
    const length = ((input[at] ?? 0) << 8) | (input[at + 1] ?? 0);
    const packet = readRtp(input.subarray(at + 2, at + 2 + length));
    at += 2 + length;
    if (packet === undefined) continue;
    reception ??= new Reception(packet);
    if (reception.accept(packet, now) === 'restarted') {
      reception = new Reception(packet);
      jitter.reset();
    }
    jitter.put(packet.timestamp, packet.payload);
    events.receive(packet.timestamp, packet.payload);
    if (jitter.take(160).length !== 160)
      throw new BrokenPromise('the jitter buffer gives another amount than asked for');
  }
  return [jitter, events, reception];
}

const MODEM_LINES = [
  'OK',
  'ERROR',
  'RING',
  'CONNECT',
  'NO CARRIER',
  'BUSY',
  'NO ANSWER',
  'NO DIALTONE',
  'VCON',
  'NMBR = 5551234',
  'NAME = ALICE',
  'DATE=0101',
  'TIME=1200',
  'MESG = 8001',
  '131,"ULAW",8,0,(7200,8000),(0),(0)',
  '+VSM: 4,"G.711 A-LAW",8,0,(8000-11025),(0),(0)',
  '+FMI: x',
  '56000',
];

function modemStream(): Target {
  return bytesTarget('pstn modem stream', {
    sample: (dice) =>
      Buffer.concat([
        Buffer.from(`\r\n${dice.pick(MODEM_LINES)}\r\n\r\nCONNECT\r\n`),
        dice.bytes(dice.size(400)),
        Uint8Array.of(0x10, dice.pick([0x03, 0x10, 0x1a, 0x58, 0x2e, 0x62, 0x64, 0x2f]), 0x35),
        dice.bytes(dice.size(100)),
        Buffer.from(`\x10\x03\r\n${dice.pick(MODEM_LINES)}\r\n`),
      ]),
    run(input) {
      const whole = items([input]);
      const size = 1 + ((input[0] ?? 0) % 61);
      const pieces = Array.from({ length: Math.ceil(input.length / size) }, (_, i) =>
        input.subarray(i * size, (i + 1) * size),
      );
      if (items(pieces).join() !== whole.join()) throw new BrokenPromise('what a modem says depends on its pieces');
      return whole;
    },
  });
}

/** Items as text, which is compared quickly even where there are 30,000. Sound is joined, since pieces may cut it anywhere. */
function items(pieces: readonly Uint8Array[]): readonly string[] {
  const reader = new ModemReader();
  reader.expectStream();
  const all: ModemItem[] = pieces.flatMap((piece) => reader.push(piece));
  const joined: string[] = [];
  let sound: Uint8Array[] = [];
  const endSound = () => {
    if (sound.length > 0) joined.push(Buffer.concat(sound).toString('hex'));
    sound = [];
  };
  for (const item of all) {
    if (item.type === 'sound') sound.push(item.samples);
    else {
      endSound();
      joined.push(JSON.stringify(item));
    }
  }
  endSound();
  return joined;
}

function modemLines(): Target {
  return textTarget('pstn modem lines', {
    words: [...MODEM_LINES, '=', ',', '(', ')', '"', 'AT', '+VTS=', '{*,10}', 'S0=', ';'],
    sample: (dice) =>
      Array.from({ length: 1 + dice.below(6) }, () =>
        dice.pick([...MODEM_LINES, '+FCLASS=8;+VSM=131,8000', 'E0V1S0=0', '+VTS=1,{2,10}']),
      ).join('\n'),
    run(text) {
      const lines = text.split('\n');
      const methods = lines.flatMap((line) => parseVoiceMethod(line) ?? []);
      const block = lines.reduce((known, line) => addCallerIdLine(known, line) ?? known, {});
      return [
        builtInProfiles.map((profile) => profile.kind === 'voice' && chooseMethod(methods, profile, 64_000)),
        isComplete(block),
        callerIdOf(block),
        lines.map(finalResult),
        lines.map(parseAtLine),
      ];
    },
  });
}

const TIMERS: readonly TimerName[] = [
  'open',
  'command',
  'drain',
  'check',
  'caller-id',
  'ring-gap',
  'dial',
  'answer-inferred',
  'doubt',
  'watchdog',
];
const HEARD: readonly LineHeard[] = [
  'busy',
  'congestion',
  'dial',
  'special-information',
  'ringback',
  'voice',
  'call-waiting',
  'silence',
];
const CODES = [
  '\x03',
  'b',
  'd',
  'l',
  'L',
  'h',
  'H',
  'P',
  'p',
  'J',
  'w',
  '/',
  '~',
  '5',
  'u',
  'o',
  'X',
  'q',
  's',
  'e',
  'R',
];
const MAX_EFFECTS = 64;
const MAX_STATE = 16_384;

const OPTIONS: MachineOptions = {
  country: 'US',
  dialTimeoutMs: 60_000,
  silenceSeconds: 10,
  // Those that are listened to on hook are listened to for the caller ID too.
  profiles: builtInProfiles.map((profile) =>
    profile.kind === 'voice' && profile.caller_id.snoop !== undefined
      ? { ...profile, caller_id: { ...profile.caller_id, from: 'sound' as const } }
      : profile,
  ),
  forced: undefined,
  linkBytesPerSecond: 11_520,
};

/** One input of the machine a line: its type and what belongs to it. */
function modemMachine(): Target {
  return textTarget('pstn modem machine', {
    maxInput: 16_384,
    words: [
      ...MODEM_LINES.map((line) => `line ${line}\n`),
      ...TIMERS.map((timer) => `timeout ${timer}\n`),
      ...CODES.map((code) => `code ${code}\n`),
      ...[
        'caller-id P\n',
        'dial 5551234\n',
        'answer\n',
        'hang-up\n',
        'signal 12#\n',
        'lost x\n',
        'stop\n',
        'start\n',
        'opened\n',
      ],
    ],
    sample: conversation,
    run(text) {
      let state: State = initialState;
      for (const [at, line] of text.split('\n').entries()) {
        const input = inputOf(line, at);
        if (input === undefined) continue;
        const next = step(state, input, OPTIONS);
        if (next.effects.length > MAX_EFFECTS) throw new BrokenPromise(`${line} has ${next.effects.length} effects`);
        state = next.state;
      }
      if (JSON.stringify(state).length > MAX_STATE)
        throw new BrokenPromise('the state of the modem grows without bound');
      return state;
    },
  });
}

/** Mostly what a working modem and its owner would do next, so that calls come about. */
function conversation(dice: Dice): string {
  let state: State = initialState;
  const lines: string[] = [];
  for (let at = 0, end = 20 + dice.below(120); at < end; at++) {
    const line = dice.oneIn(10) ? anyLine(dice) : likelyLine(state, dice);
    const input = inputOf(line, at);
    lines.push(line);
    if (input !== undefined) state = step(state, input, OPTIONS).state;
  }
  return lines.join('\n');
}

function likelyLine(state: State, dice: Dice): string {
  switch (state.phase) {
    case 'stopped':
      return 'start';
    case 'closed':
      return 'timeout open';
    case 'opening':
      return 'opened';
    case 'resynchronising':
      return state.probe === undefined ? 'timeout drain' : 'line OK';
    case 'identifying':
      return dice.pick(['line OK', 'line OK', 'line 131,"ULAW",8,0,(8000),(0),(0)', 'line CX93001']);
    case 'idle':
      return dice.pick(['dial 5551234', 'line RING', 'line NMBR = 5551234', 'timeout check', 'line OK']);
    case 'ringing':
      return dice.pick(['answer', 'line RING', 'line NAME = ALICE', 'timeout caller-id', 'timeout ring-gap']);
    case 'snooping':
      return dice.pick(['line OK', 'line CONNECT', 'code R', 'code \x03', 'caller-id 5551234', 'timeout caller-id']);
    case 'dialling':
    case 'answering':
      return dice.pick(['line OK', 'line OK', 'line CONNECT', 'line BUSY', 'timeout dial', 'timeout answer-inferred']);
    case 'turning':
      return dice.pick(['code \x03', 'line OK', 'line CONNECT', 'code 5', 'code b', 'timeout drain']);
    case 'listening':
    case 'talking':
      return dice.pick([
        `code ${dice.pick(CODES)}`,
        `heard ${dice.pick(HEARD)}`,
        'timeout watchdog',
        'turn speak',
        'signal 12#',
        'hang-up',
        'timeout answer-inferred',
      ]);
    default:
      return dice.pick(['code \x03', 'line OK', 'line OK', 'line CONNECT', 'line VCON', 'timeout command']);
  }
}

function anyLine(dice: Dice): string {
  return dice.pick([
    `line ${dice.pick(MODEM_LINES)}`,
    `timeout ${dice.pick(TIMERS)}`,
    `code ${dice.pick(CODES)}`,
    ...['dial 5551234', 'answer', 'hang-up', 'signal 12#', 'lost gone', 'stop', 'start', 'opened'],
  ]);
}

function inputOf(line: string, at: number): Input | undefined {
  const space = line.indexOf(' ');
  const type = space < 0 ? line : line.slice(0, space);
  const rest = space < 0 ? '' : line.slice(space + 1);
  const heard = 800 * at;
  switch (type) {
    case 'start':
    case 'stop':
    case 'opened':
    case 'answer':
    case 'hang-up':
      return { type };
    case 'lost':
      return { type, reason: rest };
    case 'caller-id':
      return { type, block: { number: rest.slice(0, 64) } };
    case 'line':
      return { type, text: rest.slice(0, 512) };
    case 'code':
      return { type, code: rest.slice(0, 1), heard, quietFor: at % 3000 };
    case 'timeout': {
      const timer = TIMERS.find((name) => name === rest);
      return timer === undefined ? undefined : { type, timer, heard, textBytes: at, quietFor: at % 3000 };
    }
    case 'heard': {
      const what = HEARD.find((name) => name === rest);
      return what === undefined ? undefined : { type, what, heard, quietFor: at % 3000 };
    }
    case 'dial':
      return { type, digits: rest.replace(/[^0-9*#A-D]/g, '').slice(0, 64) };
    case 'signal':
      return { type, digits: rest.replace(/[^0-9*#A-D!]/g, '').slice(0, 64), heard };
    case 'turn':
      return { type, to: rest === 'speak' ? 'speak' : 'hear' };
    default:
      return undefined;
  }
}
