import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { encodeMulaw } from '#media/g711.ts';
import { PacedSound, Recorder, RecordingSource } from '#media/paced.ts';
import { readWav, writeWav } from '#media/wav.ts';
import { systemClock } from '#platform/clock.ts';
import type { EmulatorCommand } from '#pstn/emulator/protocol.ts';
import { TestPhone } from '../../gateway/phone.ts';
import type { CallLog, GatewayRig } from './gateway-rig.ts';
import type { SentPacket } from './memory-session.ts';
import { type Impairment, RelayedSession } from './relay.ts';
import type { Timed } from './virtual-call.ts';

export interface LiveCall {
  /** What the line's far end said, what was played to it, and the packets of both directions at the phone's end of the network. */
  readonly line: Timed;
  readonly toLine: Timed;
  readonly fromPhone: Timed;
  readonly toPhone: Timed;
  readonly log: CallLog;
  /** How often the modem ran dry, because a process hesitated, or had no room. */
  readonly modem: { readonly underruns: number; readonly overruns: number };
}

export interface LiveCallOptions {
  readonly seconds: number;
  /** 16-bit samples. */
  readonly lineSays: Float64Array;
  readonly phoneSays: Float64Array;
  readonly network: Impairment;
  readonly wires: Pick<Extract<EmulatorCommand, { command: 'ring' }>, 'hybrid' | 'noiseDbm0'>;
}

/** The line rings, the phone answers, both say what they have to say. */
export async function liveCall(rig: GatewayRig, options: LiveCallOptions): Promise<LiveCall> {
  const file = (name: string) => join(rig.directory, name);
  writeFileSync(file('line.wav'), writeWav(Int16Array.from(options.lineSays)));
  let media: RelayedSession | undefined;
  const phone = new TestPhone(rig.account, async (session) => {
    media = await RelayedSession.open(session, options.network);
    return media;
  });
  const mark = rig.gateway.mark;
  await phone.register();
  await rig.gateway.event((event) => event.event === 'registration' && event.state === 'published', 20_000, mark);
  const since = rig.emulator.events.length;
  const before = (await rig.emulator.report()).modem;
  await rig.emulator.send({ command: 'record' });
  const callerId = { number: '5551234', name: 'LINE' };
  await rig.emulator.send({ command: 'ring', callerId, sendWav: file('line.wav'), ...options.wires });
  const call = await (await phone.nextCall()).answer();
  const paced = new PacedSound(systemClock, call.media, {
    source: new RecordingSource(encodeMulaw(Int16Array.from(options.phoneSays)), false),
    sink: new Recorder(options.seconds),
  });
  paced.start();
  const { at } = await rig.emulator.event('answered', { since, timeoutMs: 10_000 });
  await new Promise((resolve) => setTimeout(resolve, options.seconds * 1000));
  paced.stop();
  const { modem } = await rig.emulator.report();
  await call.hangUp();
  await rig.emulator.event('call-ended', { since, timeoutMs: 5000 });
  await rig.emulator.send({ command: 'save-recording', path: file('heard.wav') });
  await phone.stop();
  return {
    line: { start: at, sound: encodeMulaw(Int16Array.from(options.lineSays)) },
    toLine: { start: at, sound: encodeMulaw(readWav(readFileSync(file('heard.wav'))).samples) },
    fromPhone: streamOf(media?.relay.fromPhone ?? []),
    toPhone: streamOf(media?.relay.toPhone ?? []),
    log: await rig.callLog(mark),
    modem: { underruns: modem.underruns - before.underruns, overruns: modem.overruns - before.overruns },
  };
}

/** Packets in the order they came; the middle one tells when the first did, so that hesitations of this process do not count. */
function streamOf(packets: readonly SentPacket[]): Timed {
  const starts = packets.map(({ at }, n) => at - 20 * n).toSorted((a, b) => a - b);
  return { start: starts[starts.length >> 1] ?? 0, sound: Buffer.concat(packets.map(({ sound }) => sound)) };
}
