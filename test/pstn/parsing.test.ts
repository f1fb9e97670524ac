import { describe, expect, it } from 'vitest';
import { addCallerIdLine, type CallerIdBlock, callerIdOf, isComplete } from '#pstn/caller-id.ts';
import { builtInProfiles } from '#pstn/modem/profiles/built-in.ts';
import { finalResult } from '#pstn/modem/results.ts';
import { chooseMethod, parseVoiceMethod, type VoiceMethod } from '#pstn/modem/voice-methods.ts';

function methods(...rows: string[]) {
  return rows.flatMap((row) => parseVoiceMethod(row) ?? []);
}

/** With a profile that takes nothing but mu-law. */
function mulawMethod(rows: readonly VoiceMethod[]) {
  const generic = builtInProfiles.find(({ name }) => name === 'generic-v253');
  if (generic?.kind !== 'voice') throw new Error('there is no generic profile');
  const voice = { ...generic.voice, methods: [{ coding: 'mulaw' as const }] };
  return chooseMethod(rows, { voice }, 11_520);
}

describe('+VSM=? rows', () => {
  it('finds mu-law by its name, whatever number it has', () => {
    const conexant = methods('130,"UNSIGNED PCM",8,0,(7200,8000),(0),(0)', '131,"ULAW",8,0,(7200,8000),(0),(0)');
    const robotics = methods(
      '+VSM: 130,"G.711 A-LAW",8,0,(8000),(0),(0)',
      '+VSM: 131,"G.711 u-law",8,0,(8000),(0),(0)',
    );
    const standard = methods('4,"MULAW",8,0,(8000,11025),(0),(0)');
    expect(mulawMethod(conexant)?.number).toBe(131);
    expect(mulawMethod(robotics)?.number).toBe(131);
    expect(mulawMethod(standard)?.number).toBe(4);
  });

  it('wants 8000 samples a second, alone or within a range', () => {
    expect(mulawMethod(methods('131,"ULAW",8,0,(7200),(0),(0)'))).toBeUndefined();
    expect(mulawMethod(methods('131,"ULAW",8,0,(7200-11025),(0),(0)'))?.number).toBe(131);
  });

  it('does not take 131 for mu-law when it is something else', () => {
    expect(
      mulawMethod(methods('131,"16-BIT LINEAR",16,0,(8000),(0),(0)', '132,"ALAW",8,0,(8000),(0),(0)')),
    ).toBeUndefined();
  });

  it('passes over what is no row', () => {
    for (const row of ['OK', '', '131', '131,"ULAW"', `131,"${'U'.repeat(500)}",8,0,(8000)`]) {
      expect(parseVoiceMethod(row)).toBeUndefined();
    }
  });
});

function blockOf(...lines: string[]): CallerIdBlock {
  return lines.reduce<CallerIdBlock>((block, line) => addCallerIdLine(block, line) ?? block, {});
}

describe('caller ID', () => {
  it('reads both spellings of a field', () => {
    const spaced = blockOf('DATE = 1107', 'TIME = 1437', 'NMBR = 5551234', 'NAME = ALICE');
    const tight = blockOf('DATE=1107', 'TIME=1437', 'NMBR=5551234', 'NAME=ALICE');
    expect(spaced).toEqual(tight);
    expect(isComplete(spaced)).toBe(true);
    expect(callerIdOf(spaced)).toEqual({ number: '5551234', name: 'ALICE', presentation: 'available' });
  });

  it('keeps a number without a name', () => {
    const block = blockOf('NMBR = +493012345');
    expect(isComplete(block)).toBe(false);
    expect(callerIdOf(block)).toEqual({ number: '+493012345', name: undefined, presentation: 'available' });
  });

  it('tells withheld from unavailable', () => {
    expect(callerIdOf(blockOf('NMBR = P', 'NAME = P')).presentation).toBe('withheld');
    expect(callerIdOf(blockOf('NMBR = PRIVATE')).presentation).toBe('withheld');
    expect(callerIdOf(blockOf('NMBR = O', 'NAME = O'))).toEqual({
      number: undefined,
      name: undefined,
      presentation: 'unavailable',
    });
    expect(callerIdOf({}).presentation).toBe('unavailable');
  });

  it('gives no control characters and no endless fields on', () => {
    const block = blockOf(`NMBR = 555\x001234`, `NAME = ${'A\x1b[31m'.repeat(100)}`);
    const { number, name } = callerIdOf(block);
    expect(number).toBeUndefined();
    expect(name).toMatch(/^[\x20-\x7e]{1,64}$/);
  });
});

describe('result codes', () => {
  it('knows both spellings of no dial tone', () => {
    expect(finalResult('NO DIALTONE')).toBe('NO DIALTONE');
    expect(finalResult('NO DIAL TONE')).toBe('NO DIALTONE');
  });

  it('takes nothing else for a result', () => {
    for (const line of ['RING', 'ok', 'OK then', 'CONNECT 9600', '']) expect(finalResult(line)).toBeUndefined();
  });
});
