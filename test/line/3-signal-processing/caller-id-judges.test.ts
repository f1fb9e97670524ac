import { describe, expect, it } from 'vitest';
import { dtmfSound } from '#media/dtmf.ts';
import { type FskStandard, fskSound } from '#media/fsk.ts';
import { decodeMulaw, encodeMulaw, silence } from '#media/g711.ts';
import { concat } from '#platform/bytes.ts';
import { type CallerIdReport, withChecksum } from '#pstn/caller-id/message.ts';
import { CallerIdReceiver } from '#pstn/caller-id/receiver.ts';
import { minimodemIn, minimodemMissing } from '../../support/minimodem.ts';
import {
  type AdsiField,
  adsi,
  spandspCallerId,
  spandspDigitsIn,
  spandspMessagesIn,
  spandspMissing,
} from '../../support/spandsp.ts';
import { skipped } from './skipped.ts';

function heard(codes: Uint8Array): CallerIdReport[] {
  const reports: CallerIdReport[] = [];
  new CallerIdReceiver((report) => reports.push(report)).push(concat(silence(800), codes, silence(4000)));
  return reports;
}

const theirs = (standard: number, type: number, fields: readonly AdsiField[], alert = false) =>
  heard(encodeMulaw(spandspCallerId(standard, type, fields, { alert })));

const call = (block: object, kind = 'voice') => [{ type: 'call', kind, block }];

const when = { type: 1, body: '11230259' };
const date = { date: '1123', time: '0259' };

describe.skipIf(skipped('caller ID and libspandsp', spandspMissing))('caller ID as libspandsp sends it', () => {
  it('reads messages of several parameters, of North America (Bell 202) and of Europe (V.23)', () => {
    for (const standard of [adsi.class, adsi.clip, adsi.aclip]) {
      const fields = [when, { type: 2, body: '12125551234' }, { type: 7, body: 'ALICE WONDER' }];
      expect(theirs(standard, 0x80, fields)).toEqual(call({ ...date, number: '12125551234', name: 'ALICE WONDER' }));
      const withheld = [when, { type: 4, body: 'P' }, { type: 8, body: 'P' }];
      expect(theirs(standard, 0x80, withheld)).toEqual(call({ ...date, number: 'P', name: 'P' }));
      expect(theirs(standard, 0x80, [when, { type: 4, body: 'O' }])).toEqual(call({ ...date, number: 'O' }));
    }
  });

  it('reads messages of one parameter', () => {
    for (const standard of [adsi.class, adsi.aclip]) {
      expect(theirs(standard, 0x04, [{ type: 0, body: '112302595551234' }])).toEqual(
        call({ ...date, number: '5551234' }),
      );
      expect(theirs(standard, 0x04, [{ type: 0, body: '11230259P' }])).toEqual(call({ ...date, number: 'P' }));
      expect(theirs(standard, 0x04, [{ type: 0, body: '11230259O' }])).toEqual(call({ ...date, number: 'O' }));
      expect(theirs(standard, 0x06, [{ type: 0, body: 'BBB' }])).toEqual([
        { type: 'message-waiting', waiting: true, count: undefined },
      ]);
      expect(theirs(standard, 0x06, [{ type: 0, body: 'ooo' }])).toEqual([
        { type: 'message-waiting', waiting: false, count: undefined },
      ]);
    }
  });

  it('reads British and European call types and message waiting, behind the alert tone of 2130 and 2750 Hz too', () => {
    const number = { type: 2, body: '02079460123' };
    for (const alert of [false, true]) {
      expect(theirs(adsi.clip, 0x80, [{ type: 0x11, body: '\x01' }, when, number], alert)).toEqual(
        call({ ...date, number: '02079460123' }),
      );
      expect(theirs(adsi.clip, 0x80, [{ type: 0x11, body: '\x02' }, number], alert)).toEqual(
        call({ number: '02079460123' }, 'ring-back'),
      );
      expect(
        theirs(
          adsi.clip,
          0x80,
          [
            { type: 0x11, body: '\x81' },
            { type: 0x13, body: '\x03' },
          ],
          alert,
        ),
      ).toEqual([{ type: 'message-waiting', waiting: true, count: 3 }]);
      expect(
        theirs(
          adsi.clip,
          0x82,
          [
            { type: 0x0b, body: '\xff' },
            { type: 0x13, body: '\x02' },
          ],
          alert,
        ),
      ).toEqual([{ type: 'message-waiting', waiting: true, count: 2 }]);
      expect(theirs(adsi.clip, 0x82, [{ type: 0x0b, body: '\x00' }], alert)).toEqual([
        { type: 'message-waiting', waiting: false, count: undefined },
      ]);
    }
  });

  it('reads DTMF with both end codes', () => {
    const [hash, c] = [0x23, 0x43];
    const field = (letter: string, body: string) => [{ type: letter.charCodeAt(0), body }];
    expect(theirs(adsi.clipDtmf, c, field('A', '12345678'))).toEqual(call({ number: '12345678' }));
    expect(theirs(adsi.clipDtmf, hash, field('A', '12345678'))).toEqual(call({ number: '12345678' }));
    expect(theirs(adsi.clipDtmf, c, field('B', '10'))).toEqual(call({ number: 'P' }));
    expect(theirs(adsi.clipDtmf, c, field('B', '00'))).toEqual(call({ number: 'O' }));
    expect(theirs(adsi.clipDtmf, hash, field('D', '1'))).toEqual(call({ number: 'P' }));
    expect(theirs(adsi.clipDtmf, hash, field('D', '2'))).toEqual(call({ number: 'O' }));
  });

  it('takes its Japanese messages, which are framed otherwise, for nothing', () => {
    expect(theirs(adsi.jclip, 0x40, [{ type: 2, body: '0312345678' }])).toEqual([]);
  });

  it('sends what libspandsp reads', () => {
    const message = Uint8Array.from([0x80, 9, 2, 7, ...Buffer.from('5551234')]);
    const hear = (standard: FskStandard, type: number, levelDbm0: number) => {
      const sound = fskSound({ standard, bytes: withChecksum(message), seizureBits: 300, markBits: 180, levelDbm0 });
      return spandspMessagesIn(type, decodeMulaw(concat(silence(800), sound, silence(800))));
    };
    // Its receiver wants -30 dBm0 at least.
    for (const level of [-25, -13, -6]) {
      expect(hear('bell-202', adsi.class, level), `${level} dBm0`).toEqual([message]);
      expect(hear('v23', adsi.clip, level), `${level} dBm0`).toEqual([message]);
    }
    expect(spandspDigitsIn(decodeMulaw(dtmfSound('A5551234C', 70, 70)))).toBe('A5551234C');
  });
});

describe.skipIf(skipped('caller ID and minimodem', minimodemMissing))('caller ID and minimodem', () => {
  const fields = [
    0x01,
    8,
    ...Buffer.from('11230259'),
    0x02,
    7,
    ...Buffer.from('5551234'),
    0x07,
    5,
    ...Buffer.from('ALICE'),
  ];
  const bytes = withChecksum(Uint8Array.from([0x80, fields.length, ...fields]));
  const sound = (standard: FskStandard) =>
    decodeMulaw(concat(silence(800), fskSound({ standard, bytes, seizureBits: 300, markBits: 180 }), silence(800)));

  it('sends caller ID that minimodem shows', () => {
    const shown = minimodemIn(sound('bell-202'), 'callerid');
    expect(shown).toContain('5551234');
    expect(shown).toContain('ALICE');
    expect(shown).toMatch(/11.23.*02.59/);
  });

  it('sends V.23 whose bytes minimodem reads', () => {
    expect(minimodemIn(sound('v23'), '-8', '--mark', '1300', '--space', '2100', '1200')).toContain(
      Buffer.from(bytes).toString('latin1').slice(2, 27),
    );
  });
});
