import { allCodes, type Personality } from '#pstn/emulator/personalities/personality.ts';

/**
 * A modem after ITU-T V.253 that grants every wish; no real one. It answers ATI with vgetty's number for a Rockwell and lists the
 * codings of a CX93001, so that vgetty takes it without being told.
 */
export const v253: Personality = {
  identification: { 0: '56000', 3: 'Copperring emulated voice modem V.253', 9: 'EMULATED' },
  manufacturer: 'Copperring',
  model: 'Emulated line',
  revision: 'V.253',
  codings: [
    { number: 129, row: '129,"IMA ADPCM",4,0,(7200,8000,11025),(0),(0)', coding: undefined },
    { number: 130, row: '130,"UNSIGNED PCM",8,0,(7200,8000,11025),(0),(0)', coding: 'unsigned-8' },
    { number: 131, row: '131,"ULAW",8,0,(7200,8000,11025),(0),(0)', coding: 'mu-law' },
    { number: 132, row: '132,"ALAW",8,0,(7200,8000,11025),(0),(0)', coding: 'a-law' },
    { number: 133, row: '133,"14-BIT LINEAR",16,0,(8000),(0),(0)', coding: 'linear-14' },
  ],
  refused: [],
  gain: { transmit: [0, 255], receive: [0, 255] },
  dialResult: 'answer',
  noDialTone: 'NO DIALTONE',
  callerIdStyle: 'spaced',
  callerIdOutlivesReset: false,
  digits: 'shielded',
  codes: allCodes,
  duplexExits: ['^'],
  throughput: undefined,
  snoops: false,
  measuresLine: false,
};
