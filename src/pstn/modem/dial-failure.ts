import { Failure } from '#platform/failure.ts';
import type { DialFault } from '#pstn/line.ts';

/** The failure of a call that did not come about. */
export function dialFailure(fault: DialFault): Failure<DialFault> {
  return new Failure<DialFault>(fault, describe(fault));
}

function describe(fault: DialFault): string {
  switch (fault.code) {
    case 'line-unavailable':
      return `the telephone line can't take the call now: it is ${fault.state}`;
    case 'no-dial-tone':
      return 'the telephone line gives no dial tone: check the cable to the wall socket';
    case 'busy':
      return 'the number called is busy';
    case 'congestion':
      return 'the telephone network is congested: try again later';
    case 'special-information':
      return 'the telephone network says that the number cannot be reached: check the number';
    case 'glare':
      return 'the line rang in the moment of dialling';
    case 'no-answer':
      return 'the number called does not answer';
    case 'aborted':
      return 'the call was given up before the answer';
    case 'modem':
      return `the voice modem failed: ${fault.detail}`;
  }
}
