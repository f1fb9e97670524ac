/** Basic commands and S-registers (ITU-T V.250 §5.3), any number in a line, but none that dials (D), answers (A) or goes online (O). */
const BASIC = /^AT(?:[&\\%][A-Z]\d{0,3}|[BCE-NP-RT-Z]\d{0,3}|S\d{1,3}(?:=\d{1,3}|\?))*$/;
/** The modem would answer by itself. */
const AUTO_ANSWER = /S0{1,3}=0*[1-9]/;
/** One extended command (§5.4). With `;` another one could follow it, and dial. */
const EXTENDED = /^AT[+#*^$!-]([A-Z]{1,16})\d{0,16}(?:=\??[0-9A-Z,.{}_"-]{0,60}|\?)?$/;

/**
 * Commands that dial, send keys or messages, or have the network send calls elsewhere (ITU-T V.253; 3GPP TS 27.007 and 27.005; those of makers
 * as their manuals have them): what they cost nobody judged.
 */
const COSTLY: ReadonlySet<string> = new Set([
  ...(['VTS', 'CKPD', 'CDV', 'DIAL', 'CCFC', 'CTFR', 'CHLD', 'CUSD', 'CSIM', 'CRSM', 'CPBW'] as const),
  ...(['CMGS', 'CMGW', 'CMSS', 'CMGC'] as const),
]);

/** Whether a command of a profile leaves alone what costs money. Modems ignore case and spaces (§5.2), so they do not count here either. */
export function isHarmless(command: string): boolean {
  const text = command.replaceAll(' ', '').toUpperCase();
  if (BASIC.test(text)) return !AUTO_ANSWER.test(text);
  const name = EXTENDED.exec(text)?.[1];
  return name !== undefined && !COSTLY.has(name);
}
