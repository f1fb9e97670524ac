import { allCodes, type Personality } from '#pstn/emulator/personalities/personality.ts';

/**
 * Conexant CX93001 (USB). From the maker's manual 102752C: codings 129 and 130, +VLS=20, -STE, +VGR=0 only, the codes. Measured by
 * others on a CX93001-EIS_V0.2013: codings 131 to 133, clean duplex at 8000 B/s each way, 30.4 kB/s in all, `+VTR=?` refused while
 * +VTR works, `DATE = 1107`. Chosen here: that ATD answers VCON, that +IFC is taken and that ATZ forgets +VCID.
 */
export const conexant: Personality = {
  identification: { 0: '56000', 3: 'CX93001-EIS_V0.2013-V92' },
  manufacturer: 'CONEXANT',
  model: 'V90',
  revision: 'CX93001-EIS_V0.2013-V92',
  codings: [
    { number: 129, row: '129,"IMA ADPCM",4,0,(7200,8000,11025),(0),(0)', coding: undefined },
    { number: 130, row: '130,"UNSIGNED PCM",8,0,(7200,8000,11025),(0),(0)', coding: 'unsigned-8' },
    { number: 131, row: '131,"ULAW",8,0,(7200,8000,11025),(0),(0)', coding: 'mu-law' },
    { number: 132, row: '132,"ALAW",8,0,(7200,8000,11025),(0),(0)', coding: 'a-law' },
    { number: 133, row: '133,"14-BIT LINEAR",16,0,(8000),(0),(0)', coding: 'linear-14' },
  ],
  refused: [],
  gain: { transmit: [0, 255], receive: [0, 0] },
  dialResult: 'answer',
  noDialTone: 'NO DIALTONE',
  callerIdStyle: 'spaced',
  callerIdOutlivesReset: false,
  digits: 'shielded',
  codes: allCodes,
  duplexExits: ['^'],
  throughput: 30_400,
  snoops: true,
  measuresLine: true,
};
