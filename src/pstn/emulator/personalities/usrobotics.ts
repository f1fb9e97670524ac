import { allCodes, type Personality } from '#pstn/emulator/personalities/personality.ts';

/**
 * USRobotics 5637 (USB). From its manual: coding names, bare DTMF digits, `DATE=1203`, S127 for the kind of caller ID, +VTR with no way
 * out of it. From others' programs: `<DLE><ETX>` leaves +VTR, rows without bits, gains outside 121-134 do nothing. Chosen here: that such
 * gains are refused, that +IFC is refused, and `NO DIAL TONE` with a space.
 */
export const usrobotics: Personality = {
  identification: { 0: '5601', 3: 'U.S. Robotics 56K FAX USB V1.2.23', 7: 'U.S. Robotics 56K FAX USB V1.2.23' },
  manufacturer: 'U.S. Robotics',
  model: 'U.S. Robotics 56K FAX USB V1.2.23',
  revision: '1.2.23',
  codings: [
    { number: 128, row: '128,"8-BIT LINEAR",(7200,8000,11025)', coding: 'unsigned-8' },
    { number: 129, row: '129,"16-BIT LINEAR",(7200,8000,11025)', coding: 'linear-16' },
    { number: 130, row: '130,"8-BIT ALAW",(8000)', coding: 'a-law' },
    { number: 131, row: '131,"8-BIT ULAW",(8000)', coding: 'mu-law' },
    { number: 132, row: '132,"IMA ADPCM",(7200,8000,11025)', coding: undefined },
    { number: 133, row: '133,"G.729",(8000)', coding: undefined },
  ],
  refused: ['+IFC'],
  gain: { transmit: [121, 134], receive: [121, 134] },
  dialResult: 'answer',
  noDialTone: 'NO DIAL TONE',
  callerIdStyle: 'tight',
  callerIdOutlivesReset: false,
  digits: 'bare',
  codes: { ...allCodes, dial: 'i', busy: 'K', reversal: 'L', extension: undefined },
  duplexExits: ['\x03'],
  throughput: undefined,
  snoops: false,
  measuresLine: false,
};
