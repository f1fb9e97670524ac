import { allCodes, type Personality } from '#pstn/emulator/personalities/personality.ts';

/**
 * A Rockwell-like modem that keeps to ITU-T V.253 table 17: mu-law is 4 and A-law 5. Not measured by anybody we know of; it stands
 * for modems whose numbers are the standard's, that refuse what Conexant's take, and that answer OK once they have dialled.
 */
export const rockwell: Personality = {
  identification: { 0: '56000', 3: 'V1.301-V90_M_DLS', 4: 'a007880284C6002F' },
  manufacturer: 'ROCKWELL',
  model: 'RC56D',
  revision: 'V1.301-V90_M_DLS',
  codings: [
    { number: 0, row: '0,"SIGNED PCM",8,0,(7200,8000),(0),(0)', coding: 'signed-8' },
    { number: 1, row: '1,"UNSIGNED PCM",8,0,(7200,8000),(0),(0)', coding: 'unsigned-8' },
    { number: 4, row: '4,"G.711U",8,0,(8000),(0),(0)', coding: 'mu-law' },
    { number: 5, row: '5,"G.711A",8,0,(8000),(0),(0)', coding: 'a-law' },
    { number: 131, row: '131,"ADPCM",4,0,(7200),(0),(0)', coding: undefined },
  ],
  refused: ['+IFC', '+VDR', '+VTD'],
  gain: { transmit: [0, 255], receive: [0, 255] },
  dialResult: 'dialled',
  noDialTone: 'NO DIALTONE',
  callerIdStyle: 'spaced',
  callerIdOutlivesReset: true,
  digits: 'shielded',
  codes: { ...allCodes, callWaiting: undefined, extension: undefined },
  duplexExits: ['^', '\x03'],
  throughput: undefined,
  snoops: false,
  measuresLine: false,
};
