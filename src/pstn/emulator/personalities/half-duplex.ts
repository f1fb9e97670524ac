import { allCodes, type Personality } from '#pstn/emulator/personalities/personality.ts';

/** A voice modem that plays or records, one at a time: +VTR is refused. The rest is as most V.253 modems have it; no one model. */
export const halfDuplex: Personality = {
  identification: { 0: '56000', 3: 'Generic V.92 data fax voice modem' },
  manufacturer: 'GENERIC',
  model: 'V.92 voice modem',
  revision: '1.00',
  codings: [
    { number: 128, row: '128,"8-BIT LINEAR",8,0,(7200,8000),(0),(0)', coding: 'unsigned-8' },
    { number: 130, row: '130,"UNSIGNED PCM",8,0,(7200,8000),(0),(0)', coding: 'unsigned-8' },
    { number: 131, row: '131,"ULAW",8,0,(7200,8000),(0),(0)', coding: 'mu-law' },
    { number: 132, row: '132,"ALAW",8,0,(7200,8000),(0),(0)', coding: 'a-law' },
  ],
  refused: ['+VDR'],
  gain: { transmit: [0, 255], receive: [0, 255] },
  dialResult: 'answer',
  noDialTone: 'NO DIALTONE',
  callerIdStyle: 'spaced',
  callerIdOutlivesReset: false,
  digits: 'shielded',
  codes: { ...allCodes, handset: undefined, extension: undefined },
  duplexExits: undefined,
  throughput: undefined,
  snoops: false,
  measuresLine: false,
};
