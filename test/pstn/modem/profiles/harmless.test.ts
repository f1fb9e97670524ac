import { describe, expect, it } from 'vitest';
import { builtInProfiles } from '#pstn/modem/profiles/built-in.ts';
import { isHarmless } from '#pstn/modem/profiles/harmless.ts';

describe('commands of a modem profile', () => {
  it('never dial or answer, wherever in a line that stands', () => {
    for (const command of [
      ...['ATD0900', 'atdt 0900', 'AT D0900', 'ATE0D0900123', 'ATM0L1DT0900', 'ATZA', 'AT&FO', 'AT&D2D0900', 'ATH1DT1'],
      ...['AT+FCLASS=8;D0900', 'AT+VCID=1;+VTS=1', 'ATE0+VCID=1;DT1', 'AT;DT0900', 'ATS0=1', 'ATS00=2E0', 'ATE0S0=1'],
    ]) {
      expect([command, isHarmless(command)]).toEqual([command, false]);
    }
  });

  it('neither send keys and messages nor divert calls', () => {
    for (const command of [
      ...[
        'AT+VTS=0,9',
        'AT+CKPD="0900s"',
        'AT+CCFC=0,3,"+9900"',
        'AT+CUSD=1,"*21*0900#"',
        'AT+CMGS="+9900"',
        'at+vts=1',
      ],
      ...['AT+CDV0900', 'AT+CDV=0900', 'AT +VTS={1,2}'],
    ]) {
      expect([command, isHarmless(command)]).toEqual([command, false]);
    }
  });

  it('may be what modems need', () => {
    const needed = ['AT', 'ATZ', 'ATE0V1X4', 'AT&F&D2', 'AT\\N0', 'ATS0=0', 'ATS127=2', 'ATS10=255M0', 'AT+GCI={t35}'];
    for (const command of [...needed, 'AT-TRV', 'AT#CID=1', 'AT*ELBT=?', 'AT^DSCI=1', 'AT+VSM=128,8000', 'AT+CRESET']) {
      expect([command, isHarmless(command)]).toEqual([command, true]);
    }
    expect(builtInProfiles.length).toBeGreaterThan(5);
  });
});
