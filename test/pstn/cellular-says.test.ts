import { describe, expect, it } from 'vitest';
import { faultOfCause } from '#pstn/cellular/causes.ts';
import { understand } from '#pstn/cellular/says.ts';
import { maskAnswer, maskCommand } from '#pstn/transcript/mask.ts';

const said = (line: string) => understand(line, { report: '+RXDTMF', as: 'key' });

describe('what a cellular module says', () => {
  it('is read with all its spellings', () => {
    expect(said('+CRING: VOICE')).toEqual({ type: 'ring' });
    expect(said('+CLIP: "+4930,1",145,,,"Doe, J",0')).toMatchObject({ callerId: { number: undefined } });
    expect(said('+CLIP: "030123",129,,,"Doe, J",0')).toEqual({
      type: 'caller',
      callerId: { number: '030123', name: 'Doe, J', presentation: 'available' },
    });
    expect(said('+CLIP: "030123",129,,,"Doe",1')).toMatchObject({
      callerId: { number: undefined, name: undefined, presentation: 'withheld' },
    });
    expect(said('+CLIP: "",128,,,,2')).toMatchObject({ callerId: { presentation: 'unavailable' } });
    expect(said('+CLIP: 0,1')).toEqual({ type: 'caller-id-on', on: false });
    expect(said('+CCWA: "+15559876",145,1,,1')).toMatchObject({ callerId: { presentation: 'withheld' } });
    expect(said('+CREG: 0,5')).toEqual({ type: 'registration', isIn: true });
    expect(said('+CREG: 1,"1A2B","01C3"')).toEqual({ type: 'registration', isIn: true });
    expect(said('+CREG: 2')).toEqual({ type: 'registration', isIn: false });
    expect(said('+CSQ: 0,0')).toEqual({ type: 'signal', dbm: -113 });
    expect(said('+CSQ: 99,99')).toEqual({ type: 'signal', dbm: undefined });
    expect(said('+RXDTMF: #')).toEqual({ type: 'key', key: '#' });
    expect(understand('+QTONEDET: 35', { report: '+QTONEDET', as: 'code' })).toEqual({ type: 'key', key: '#' });
    expect(said('+RXDTMF: XY')).toMatchObject({ type: 'text' });
  });

  it('takes a data connection in +CLCC for no call', () => {
    expect(said('+CLCC: 1,0,0,0,0,"123",129')).toEqual({ type: 'listed', progress: 'active' });
    expect(said('+CLCC: 1,0,0,1,0,"",128')).toMatchObject({ type: 'text' });
    expect(said('+CLCC: 1,0,9,0,0,"",128')).toMatchObject({ type: 'text' });
  });

  it("gives the network's reasons, by number or by word", () => {
    for (const [cause, code] of [
      ['17', 'busy'],
      ['"CC user busy"', 'busy'],
      ['Unassigned (unallocated) number', 'special-information'],
      ['cause 34', 'congestion'],
      ['No answer from user (user alerted)', 'no-answer'],
      ['Interworking, unspecified', 'modem'],
    ]) {
      expect(faultOfCause(cause ?? '').code, cause).toBe(code);
    }
  });

  it('goes into transcripts without numbers and keys', () => {
    expect(maskCommand('AT+CPCMREG=0;D5551234;')).toBe('AT+CPCMREG=0;D0000000;');
    expect(maskAnswer('^DSCI: 1,0,3,0,5551234,129,0')).not.toContain('5551234');
    expect(maskAnswer('MISSED_CALL: 10:23AM 5551234')).toBe('MISSED_CALL: 10:23AM 0000000');
    expect(maskAnswer('+QTONEDET: 56')).toBe('+QTONEDET: 00');
    expect(maskAnswer('+CLCC: 1,0,0,0,0,"5551234",129')).toBe('+CLCC: 1,0,0,0,0,"0000000",129');
  });
});
