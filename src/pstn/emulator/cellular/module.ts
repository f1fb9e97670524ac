/** What tells one cellular module from another, as data. */
export interface CellularPersonality {
  /** The lines of ATI. */
  readonly identification: readonly string[];
  readonly manufacturer: string;
  readonly model: string;
  /** Starts and stops the sound on its own port. */
  readonly sound: { readonly command: string; readonly on: string; readonly off: string; readonly onlyInCall: boolean };
  /** Asks for reports of DTMF, and writes one. */
  readonly digits: { readonly command: string; readonly report: (digit: string) => string };
  /** `words`: VOICE CALL: BEGIN and END, MISSED_CALL; `dsci`: ^DSCI once it is asked for. */
  readonly events: 'words' | 'dsci';
  /** Position output runs on the sound port until it is stopped. */
  readonly positions: boolean;
  /** Restarts the module. */
  readonly restart: string;
}

/** From SIMCom's manuals and others' programs. */
const sim7600: CellularPersonality = {
  identification: [
    'Manufacturer: SIMCOM INCORPORATED',
    'Model: SIMCOM_SIM7600E-H',
    'Revision: SIM7600M22_V2.0',
    'IMEI: 000000000000000',
    '+GCAP: +CGSM',
  ],
  manufacturer: 'SIMCOM INCORPORATED',
  model: 'SIMCOM_SIM7600E-H',
  sound: { command: '+CPCMREG', on: '1', off: '0', onlyInCall: true },
  digits: { command: '+DDET', report: (digit) => `+RXDTMF: ${digit}` },
  events: 'words',
  positions: false,
  restart: '+CRESET',
};

/** From Quectel's manuals. That positions are put out from the start is chosen here, so that a driver has to stop them. */
const ec25: CellularPersonality = {
  identification: ['Quectel', 'EC25', 'Revision: EC25EFAR06A06M4G'],
  manufacturer: 'Quectel',
  model: 'EC25',
  sound: { command: '+QPCMV', on: '1,0', off: '0', onlyInCall: false },
  digits: { command: '+QTONEDET', report: (digit) => `+QTONEDET: ${digit.charCodeAt(0)}` },
  events: 'dsci',
  positions: true,
  restart: '+CFUN',
};

/** The cellular modules that the emulator can be, by the names that `--modem` takes. */
export const cellularNames = ['sim7600', 'ec25'] as const;

export type CellularName = (typeof cellularNames)[number];

export const modules: Readonly<Record<CellularName, CellularPersonality>> = { sim7600, ec25 };
