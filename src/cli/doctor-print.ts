import { printable } from '#platform/log.ts';
import type { LineReport, StreamTrial } from '#pstn/doctor/report.ts';

/** The report for people, fit to be pasted into a field report. */
export function doctorLines(report: LineReport): readonly string[] {
  const { profile, method, callerId, signalDbm, volts, hearing, echoLoss, call } = report;
  const lines = [
    `Copperring ${report.version}, line report${report.emulated ? ' of an EMULATED line' : ''}`,
    `country    ${report.country}${report.usb === undefined ? '' : `; USB ${report.usb}`}`,
    profile === undefined
      ? 'profile    none'
      : `profile    ${profile.name} (${profile.kind}): ${printable(profile.why)}`,
  ];
  if (method) lines.push(`sound      ${method.coding} at 8000, AT+VSM=${method.number},8000; ${report.duplex} duplex`);
  for (const trial of report.trials) lines.push(`stream     ${streamText(trial)}`);
  if (profile?.kind === 'cellular') lines.push(`signal     ${signalDbm === undefined ? 'none' : `${signalDbm} dBm`}`);
  if (volts !== undefined) lines.push(`voltage    ${volts} V between tip and ring, on hook`);
  if (hearing) {
    const tone = hearing.tone === 'none' ? 'no tone' : `${hearing.tone} tone ${hearing.frequencies.join('+')} Hz`;
    lines.push(`line       ${tone}; level ${hearing.level} dBm0, noise ${hearing.noise} dBm0 at most`);
  }
  if (report.duplex === 'full') {
    lines.push(`echo       ${echoLoss === undefined ? 'none heard' : `${echoLoss} dB lost on the way back`}`);
  }
  if (callerId !== undefined) lines.push(`caller ID  ${callerId}`);
  if (report.refused.length > 0) lines.push(`refused    ${report.refused.join(', ')}`);
  if (call) lines.push(`call       ${printable(call.outcome)}; ${call.bytesHeard} heard, ${call.bytesPlayed} played`);
  for (const trap of report.traps) lines.push(`note       ${trap}`);
  lines.push('', 'What it answered:');
  for (const { command, answer } of report.answers) lines.push(`  ${command.padEnd(14)} ${printable(answer, 1000)}`);
  lines.push('');
  for (const { what, remedy, fatal } of report.problems) {
    lines.push(`${fatal ? 'PROBLEM' : 'warning'}: ${printable(what)}`, `  -> ${remedy}`);
  }
  lines.push(report.usable ? 'The line can be used.' : 'The line cannot be used.');
  return lines;
}

function streamText(trial: StreamTrial): string {
  const { command, answer, seconds, bytesHeard, bytesPlayed, rate, underruns, overruns, gaps, exit } = trial;
  if (answer !== 'CONNECT') return `${command} answered ${answer}`;
  const left = exit === undefined ? 'not left by any code' : `left by ${exit.code} in ${exit.ms} ms`;
  const counts = `${underruns} underruns, ${overruns} overruns, ${left}`;
  if (command === 'AT+VTX') return `${command}: ${bytesPlayed} bytes played, ${counts}`;
  return (
    `${command}: ${bytesHeard} bytes heard and ${bytesPlayed} played in ${seconds} s (${rate} B/s), ${counts}, ` +
    `reads every ${gaps.median} ms, p99 ${gaps.p99}, longest ${gaps.longest}`
  );
}
