/** Fields of caller ID that say who called. */
const PERSONAL = /^(\s*(?:NMBR|DDN_NMBR|NAME|MESG)\s*=\s*)(.*)$/i;
/** So many digits in a row are a serial or telephone number and no version. */
const LONG_NUMBER = /\d{8,}/g;
/** Texts in quotes that hold telephone numbers and names (3GPP TS 27.007). */
const CELLULAR = /^\+(?:CLIP|CLCC|CCWA|CNUM|COLP|CDIP)\b/;
/** The number or key at the end of what cellular makers have of their own. */
const CELLULAR_NUMBER = /^((?:MISSED_CALL: *\S{1,10} |\^DSCI: *(?:\d,){4}|\+RXDTMF: *|\+QTONEDET: *))(.{0,200})$/;

/** A command with the numbers taken out that it dials or sends. */
export function maskCommand(text: string): string {
  const dial = /^(.*?(?:AT *|; *)D)(.{0,200})$/i.exec(text);
  if (dial) return `${dial[1]}${zeroed(dial[2] ?? '')}`;
  const tones = /^(.*?AT\+VTS=)(.{0,200})$/i.exec(text);
  if (tones) return `${tones[1]}${zeroed(tones[2] ?? '')}`;
  return text.replace(LONG_NUMBER, zeroed);
}

/** What a modem said, with telephone numbers, names and serial numbers taken out. Lengths stay. */
export function maskAnswer(text: string): string {
  const personal = PERSONAL.exec(text);
  if (personal) {
    const [, field = '', value = ''] = personal;
    // P and O alone mean withheld and out of area.
    return /^\s*[PO]\s*$/.test(value) ? text : `${field}${masked(value, /.+/)}`;
  }
  // A line that lost its end has no second quote.
  if (CELLULAR.test(text)) return masked(text, /"[^"]*(?:"|$)/g).replace(LONG_NUMBER, zeroed);
  const own = CELLULAR_NUMBER.exec(text);
  if (own) return `${own[1]}${zeroed(own[2] ?? '')}`;
  return text.replace(LONG_NUMBER, zeroed);
}

/** Keys that were pressed are nobody's business either. */
export function maskCode(code: string): string {
  return zeroed(code);
}

/** What fits the pattern without its digits and letters; names have letters of every alphabet. */
function masked(text: string, personal: RegExp): string {
  return text.replace(personal, (found) => zeroed(found).replace(/\p{L}/gu, 'X'));
}

function zeroed(text: string): string {
  return text.replace(/\d/g, '0');
}
