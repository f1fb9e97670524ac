import type { CountryCode } from '#platform/country-code.ts';

/** Calling code, international prefix, national prefix, as they are dialled on a fixed line. */
type Prefixes = readonly [callingCode: string, international: string, national: string];

export interface NumberPlanRow {
  readonly dial: Prefixes;
  /** Emergency numbers of the country; the first one is dialled for those of other countries. */
  readonly emergency: readonly string[];
  /** Starts of national numbers (without national prefix) with premium tariffs; behind a slash the digits of the whole national number. */
  readonly premium: readonly string[];
  /** What withholds the own number for one call on the incumbent's fixed lines; left out where this is not known. */
  readonly withhold?: string;
  /** What leads abroad beside the international prefix, mostly through other carriers: as dialled. */
  readonly abroad?: readonly string[];
  /** Starts of national numbers that belong to another country under the same calling code. */
  readonly foreign?: readonly string[];
  /** Starts of the only national numbers that do not. */
  readonly home?: readonly string[];
}

/** Area codes of the North American plan outside of the United States: Canada, then islands with tariffs of their own. */
const CANADA = (
  '204 226 236 249 250 257 263 273 289 306 343 354 365 367 368 382 403 416 418 428 431 437 438 450 468 474 506 514 519 548 579 ' +
  '581 584 587 600 604 613 622 633 639 647 672 683 705 709 742 753 778 780 782 807 819 825 867 873 879 902 905 942'
).split(' ');
const ISLANDS = '242 246 264 268 284 345 441 473 649 658 664 721 758 767 784 809 829 849 868 869 876'.split(' ');
/** Free of charge or premium all over the plan. */
const NON_GEOGRAPHIC = '800 833 844 855 866 877 888 900 976'.split(' ');

/**
 * Numbering of fixed lines by country. Calling codes, prefixes and premium ranges agree with libphonenumber's data, and a test compares them;
 * emergency numbers and withholding prefixes are common knowledge of each country and were tried on no line.
 */
export const numberPlanRows: Readonly<Record<CountryCode, NumberPlanRow>> = {
  AO: { dial: ['244', '00', ''], emergency: ['112', '113', '115', '116'], premium: [] },
  AR: {
    dial: ['54', '00', '0'],
    emergency: ['911', '100', '101', '107'],
    premium: ['600', '604', '605', '607', '609'],
  },
  AT: {
    dial: ['43', '00', '0'],
    emergency: ['112', '122', '133', '140', '144'],
    premium: ['810', '820', '821', '828', '86', '89', '900', '901', '930', '931', '939'],
    withhold: '*31#',
  },
  AU: {
    dial: ['61', '0011', '0'],
    emergency: ['000', '112', '106'],
    premium: ['190'],
    withhold: '1831',
  },
  BE: {
    dial: ['32', '00', '0'],
    emergency: ['112', '100', '101'],
    premium: ['702', '703', '7044', '706', '707', '90'],
  },
  BG: { dial: ['359', '00', '0'], emergency: ['112', '150', '160', '166'], premium: ['90'] },
  BR: {
    dial: ['55', '00', '0'],
    emergency: ['190', '191', '192', '193', '199'],
    premium: ['500', '900'],
  },
  CA: {
    dial: ['1', '011', '1'],
    emergency: ['911'],
    premium: ['900', '976'],
    withhold: '*67',
    home: [...CANADA, ...NON_GEOGRAPHIC],
  },
  CH: {
    dial: ['41', '00', '0'],
    emergency: ['112', '117', '118', '144', '1414'],
    premium: ['900', '901', '906', '18'],
    withhold: '*31#',
  },
  CL: {
    dial: ['56', '00', ''],
    abroad: ['0', '1'],
    emergency: ['131', '132', '133'],
    premium: ['600/10', '600/11', '700'],
  },
  CN: { dial: ['86', '00', '0'], emergency: ['110', '119', '120', '122'], premium: ['160', '168'] },
  CO: {
    dial: ['57', '009', ''],
    abroad: ['0'],
    emergency: ['123', '112'],
    premium: ['1900', '1901', '1947', '1948', '901'],
  },
  CR: { dial: ['506', '00', ''], emergency: ['911', '112'], premium: ['900', '905', '909'] },
  CY: { dial: ['357', '00', ''], emergency: ['112', '199'], premium: ['900', '909'] },
  CZ: {
    dial: ['420', '00', ''],
    emergency: ['112', '150', '155', '156', '158'],
    premium: ['900', '905', '906', '908', '909', '976'],
  },
  DE: {
    dial: ['49', '00', '0'],
    emergency: ['112', '110'],
    premium: ['900', '137', '138', '18', '118'],
    withhold: '*31#',
  },
  DK: { dial: ['45', '00', ''], emergency: ['112'], premium: ['90'] },
  EE: { dial: ['372', '00', ''], emergency: ['112'], premium: ['40', '900'] },
  ES: {
    dial: ['34', '00', ''],
    emergency: ['112', '061', '062', '080', '085', '091', '092'],
    premium: ['803', '806', '807', '905'],
    withhold: '067',
  },
  FI: { dial: ['358', '00', '0'], emergency: ['112'], premium: ['600', '700'] },
  FR: {
    dial: ['33', '00', '0'],
    emergency: ['112', '15', '17', '18', '114', '115', '119', '196'],
    premium: ['81', '82', '83', '84', '85', '86', '88', '89'],
    withhold: '3651',
  },
  GB: {
    dial: ['44', '00', '0'],
    emergency: ['999', '112'],
    premium: ['84', '870', '871', '872', '873', '90', '91', '98'],
    withhold: '141',
  },
  GR: { dial: ['30', '00', ''], emergency: ['112', '100', '108', '166', '199'], premium: ['901', '909'] },
  HK: { dial: ['852', '001', ''], abroad: ['0'], emergency: ['999', '112', '992'], premium: ['900'], withhold: '133' },
  HR: {
    dial: ['385', '00', '0'],
    emergency: ['112', '192', '193', '194', '195'],
    premium: ['60', '61', '64', '65', '69'],
  },
  HU: { dial: ['36', '00', '06'], emergency: ['112', '104', '105', '107'], premium: ['90', '91'] },
  IE: { dial: ['353', '00', '0'], emergency: ['112', '999'], premium: ['15/10'], withhold: '141' },
  IL: {
    dial: ['972', '00', '0'],
    abroad: ['01'],
    emergency: ['112', '100', '101', '102'],
    premium: ['1200', '1212', '190', '1919', '199'],
  },
  IN: { dial: ['91', '00', '0'], emergency: ['112', '100', '101', '102', '108'], premium: ['1861/13', '1862/13'] },
  IR: { dial: ['98', '00', '0'], emergency: ['115', '110', '125', '112'], premium: [] },
  IS: { dial: ['354', '00', ''], abroad: ['1'], emergency: ['112'], premium: ['90'] },
  IT: {
    dial: ['39', '00', ''],
    emergency: ['112', '113', '115', '118', '1530'],
    premium: ['144', '163', '164', '166', '0878', '892', '893', '894', '895', '899'],
    withhold: '*67#',
  },
  JP: { dial: ['81', '010', '0'], emergency: ['119', '110', '118'], premium: ['990'], withhold: '184' },
  KE: { dial: ['254', '000', '0'], emergency: ['999', '112', '911'], premium: ['900/9'] },
  KR: { dial: ['82', '001', '0'], emergency: ['112', '119'], premium: ['60'] },
  LT: { dial: ['370', '00', '0'], emergency: ['112'], premium: ['900', '902', '903', '909', '910'] },
  LU: { dial: ['352', '00', ''], emergency: ['112', '113'], premium: ['900', '901', '905'] },
  LV: { dial: ['371', '00', ''], emergency: ['112', '110', '113'], premium: ['90'] },
  MO: { dial: ['853', '00', ''], emergency: ['999', '110', '112'], premium: [] },
  MT: { dial: ['356', '00', ''], emergency: ['112'], premium: ['50', '51', '52'] },
  MX: { dial: ['52', '00', ''], abroad: ['0'], emergency: ['911'], premium: ['900'] },
  MY: { dial: ['60', '00', '0'], emergency: ['999', '112'], premium: ['1600/10'] },
  NL: { dial: ['31', '00', '0'], emergency: ['112'], premium: ['900', '906', '909'], withhold: '*31*' },
  NO: { dial: ['47', '00', ''], emergency: ['112', '110', '113'], premium: ['820', '829'] },
  NZ: {
    dial: ['64', '00', '0'],
    abroad: ['0161'],
    emergency: ['111'],
    premium: ['11', '13', '14', '15', '17', '18', '19', '5000', '5008', '5030', '5066', '5077', '5088/7', '90'],
    withhold: '0197',
  },
  PA: {
    dial: ['507', '00', ''],
    emergency: ['911', '103', '104'],
    premium: ['822', '855', '860', '877', '878', '886', '900', '981'],
  },
  PH: { dial: ['63', '00', '0'], emergency: ['911', '112'], premium: [] },
  PL: { dial: ['48', '00', ''], emergency: ['112', '997', '998', '999'], premium: ['70'] },
  PT: { dial: ['351', '00', ''], emergency: ['112', '117'], premium: ['601', '607', '608', '646', '648', '76'] },
  RO: { dial: ['40', '00', '0'], emergency: ['112'], premium: ['900', '901', '903', '906'] },
  RS: {
    dial: ['381', '00', '0'],
    emergency: ['112', '192', '193', '194'],
    premium: ['78', '900', '901', '906', '909'],
  },
  RU: {
    dial: ['7', '810', '8'],
    emergency: ['112', '101', '102', '103', '104', '01', '02', '03', '04'],
    premium: ['803', '809'],
    foreign: ['6', '7'],
  },
  SE: { dial: ['46', '00', '0'], emergency: ['112'], premium: ['649', '900', '939', '944', '99'] },
  SG: { dial: ['65', '001', ''], abroad: ['0'], emergency: ['999', '995'], premium: ['1900'] },
  SI: { dial: ['386', '00', '0'], emergency: ['112', '113'], premium: ['89', '90'] },
  SK: { dial: ['421', '00', '0'], emergency: ['112', '150', '155', '158'], premium: ['900', '97', '98'] },
  TH: { dial: ['66', '001', '0'], emergency: ['191', '199', '1669'], premium: ['1900/10'] },
  TR: { dial: ['90', '00', '0'], emergency: ['112', '110', '155', '156'], premium: ['888', '898', '900'] },
  TW: { dial: ['886', '002', '0'], abroad: ['019'], emergency: ['119', '110'], premium: ['20'] },
  UA: { dial: ['380', '00', '0'], emergency: ['112', '101', '102', '103', '104'], premium: ['900'] },
  UG: { dial: ['256', '000', '0'], emergency: ['999', '112'], premium: ['901', '902', '903'] },
  US: {
    dial: ['1', '011', '1'],
    emergency: ['911'],
    premium: ['900', '976'],
    withhold: '*67',
    foreign: [...CANADA, ...ISLANDS],
  },
  UY: { dial: ['598', '00', '0'], abroad: ['01'], emergency: ['911', '104', '105'], premium: ['90'] },
  VE: { dial: ['58', '00', '0'], emergency: ['911', '171'], premium: ['900', '901'] },
  ZA: {
    dial: ['27', '00', '0'],
    emergency: ['10111', '112', '10177'],
    premium: ['862', '863', '864', '865', '866', '867', '868', '869', '90', '91', '92'],
  },
};
