import { describe, expect, it } from 'vitest';
import { encodeMulaw, silence } from '#media/g711.ts';
import { ToneGenerator } from '#media/tones.ts';
import { concat } from '#platform/bytes.ts';
import { TurnTaking } from '#pstn/modem/half-duplex/turn-taking.ts';
import { scriptedModem } from '../../pstn/scripted-modem.ts';
import { simulatedLine } from '../../pstn/simulated-line.ts';

const PIECE = 160;
const never = () => new AbortController().signal;

/** A voice at -17 dBm0 or so, or nothing. */
function piece(voiced: boolean): Uint8Array {
  return voiced ? new ToneGenerator([300, 700], 2000).next(PIECE) : silence(PIECE);
}

/** Lets both sides speak in stretches of ms and gives the times, in ms, at which the turn changed. */
function changes(script: readonly (readonly [ms: number, line: boolean, phone: boolean])[]): string[] {
  const turns = new TurnTaking();
  const told: string[] = [];
  let ms = 0;
  let before = turns.turn;
  for (const [length, line, phone] of script) {
    for (const end = ms + length; ms < end; ms += 20) {
      // While the phone's side speaks nobody hears the line.
      const now = turns.push(before === 'hear' ? piece(line) : undefined, piece(phone));
      if (now !== before) told.push(`${now} ${ms + 20}`);
      before = now;
    }
  }
  return told;
}

/** Words of 300 ms with pauses of 240 ms. */
function words(count: number, by: 'line' | 'phone' | 'both') {
  const word = [300, by !== 'phone', by !== 'line'] as const;
  return Array.from({ length: count }, () => [word, [240, false, false] as const]).flat();
}

describe('turns in half duplex', () => {
  it('go to the phone 60 ms after it began to speak, and back 400 ms after it ended', () => {
    expect(
      changes([
        [1000, false, false],
        [2000, false, true],
        [1000, false, false],
      ]),
    ).toEqual(['speak 1060', 'hear 3400']);
  });

  it('stay with the line while it speaks, unless the phone insists for 1.5 s', () => {
    expect(
      changes([
        [1000, true, false],
        [1000, true, true],
        [500, true, false],
      ]),
    ).toEqual([]);
    expect(
      changes([
        [1000, true, false],
        [3000, true, true],
      ]),
    ).toEqual(['speak 2500']);
  });

  it('stay with the line when both begin at once', () => {
    expect(
      changes([
        [600, false, false],
        [1000, true, true],
        [1000, true, false],
      ]),
    ).toEqual([]);
  });

  it('survive the pauses between words', () => {
    expect(changes([[500, false, false], ...words(6, 'phone'), [600, false, false]])).toEqual([
      'speak 560',
      'hear 3900',
    ]);
    expect(changes([[500, false, false], ...words(3, 'line'), ...words(2, 'both')])).toEqual([]);
    // Who insists may do so in words.
    expect(changes([[500, false, false], ...words(6, 'both')])).toEqual(['speak 2000']);
  });

  it('come back to the line after 8 s at most, for 0.7 s at least', () => {
    const [first, second, third] = changes([[500, false, false], ...words(24, 'phone')]);
    expect([first, second]).toEqual(['speak 560', 'hear 8560']);
    expect(third).toMatch(/^speak 9[23]\d\d$/);
  });

  it('do not follow a cough, faint noise, or a hum that goes on for ever', () => {
    expect(
      changes([
        [500, false, false],
        [40, false, true],
        [500, false, false],
      ]),
    ).toEqual([]);
    const turns = new TurnTaking();
    const noise = encodeMulaw(Int16Array.from({ length: PIECE }, (_, i) => ((i * 7919) % 61) - 30));
    for (let i = 0; i < 500; i++) turns.push(piece(false), noise);
    expect(turns.turn).toBe('hear');
    // A hum on the line counts as its voice for some seconds only; then the phone gets through at once.
    const hum = new ToneGenerator([100], 1500);
    for (let i = 0; i < 500; i++) turns.push(hum.next(PIECE), silence(PIECE));
    for (let i = 0; i < 5; i++) turns.push(hum.next(PIECE), piece(true));
    expect(turns.turn).toBe('speak');
  });
});

describe('a call on a modem that refuses +VTR', () => {
  it('sends keys in the midst of what the far end says', async () => {
    const { clock, line, emulated, find } = simulatedLine({ modem: 'half-duplex' });
    emulated.exchange.plan('1', { behaviour: 'answers', answerAfterMs: 500 });
    await clock.run(line.start());
    const call = await clock.run(line.dial('1', never()), 60_000);
    call.connect((samples) => silence(samples.length));
    await clock.run(call.sendDigits('1470'), 20_000);
    await clock.advance(2000);
    await clock.run(call.hangUp());
    expect(find('call-ended')?.digits).toBe('1470');
    expect(find('on-hook')).toBeDefined();
  });

  it('is left in whichever direction it stands, and the line is ready again', async () => {
    for (const speaking of [true, false]) {
      const { clock, line, written } = simulatedLine({ modem: 'half-duplex' });
      await clock.run(line.start());
      const call = await clock.run(line.dial('5551234', never()), 60_000);
      const tone = new ToneGenerator([500], 6000);
      call.connect((samples) => (speaking ? tone.next(samples.length) : silence(samples.length)));
      await clock.advance(3500);
      expect(written().includes('AT+VTX\r')).toBe(speaking);
      await clock.run(call.hangUp(), 10_000);
      expect(line.status.state).toBe('idle');
      // And the next call does not try +VTR again.
      const tries = written().split('AT+VTR\r').length;
      const again = await clock.run(line.dial('5551234', never()), 60_000);
      expect(written().split('AT+VTR\r').length).toBe(tries);
      await clock.run(again.hangUp(), 10_000);
    }
  });

  it('loses nothing of what the phone says, begin and end included', async () => {
    const { clock, line, emulated } = simulatedLine({ modem: 'half-duplex' });
    emulated.exchange.plan('1', { behaviour: 'answers', answerAfterMs: 500 });
    await clock.run(line.start());
    const call = await clock.run(line.dial('1', never()), 60_000);
    emulated.exchange.record();
    const word = concat(new ToneGenerator([600], 6000).next(4000), new ToneGenerator([900], 6000).next(4000));
    let at = -8000;
    call.connect((samples) => {
      const out = silence(samples.length);
      for (let i = 0; i < out.length; i++) out[i] = word[at + i] ?? 0xff;
      at += out.length;
      return out;
    });
    await clock.advance(5000);
    await clock.run(call.hangUp());
    const heard = Buffer.from(emulated.exchange.recorded);
    // The line took the word as it was, byte by byte, in spite of the time it takes to hear a voice and to change over.
    expect(heard.indexOf(word)).toBeGreaterThan(0);
  });

  it('hears of what the modem reports while it changes direction', async () => {
    const { clock, line, say } = scriptedModem({
      ATDT1: 'VCON',
      'AT+VTR': 'ERROR',
      'AT+VRX': 'CONNECT',
      'AT+VTX': 'CONNECT',
    });
    await clock.run(line.start());
    const call = await clock.run(line.dial('1', never()));
    expect(call.halfDuplex).toBe(true);
    const digits: string[] = [];
    call.onDigit((digit) => digits.push(digit));
    const tone = new ToneGenerator([500], 6000);
    call.connect((samples) => tone.next(samples.length));
    const sound = Buffer.from(silence(PIECE)).toString('latin1');
    for (let i = 0; i < 6; i++) {
      say(sound);
      await clock.advance(20);
    }
    // Now it leaves +VRX: two keys and the end of the loop current come between the end of the stream and CONNECT.
    say('\x10/\x104\x10~\x10\x03');
    say('\x10/\x107\x10~\x10l\r\nOK\r\n');
    await clock.advance(100);
    say('\x10\x03\r\nOK\r\n');
    expect(await clock.run(call.ended, 10_000)).toBe('loop-drop');
    expect(digits).toEqual(['4', '7']);
  });

  it('ends as lost when the modem takes neither direction', async () => {
    const { clock, line } = scriptedModem({ ATDT1: 'VCON', 'AT+VTR': 'ERROR', 'AT+VRX': 'ERROR' });
    await clock.run(line.start());
    await expect(clock.run(line.dial('1', never()))).rejects.toMatchObject({ fault: { code: 'modem' } });
    expect(line.status.state).toBe('idle');
  });
});
