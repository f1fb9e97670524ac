/** A true UART carries a tenth of its baud rate in bytes; a USB modem has no baud rate, whatever is set. */
export function linkBytesPerSecond(path: string, baudRate: number): number {
  return /tty(?:S|AMA|USB)\d+$/.test(path) ? baudRate / 10 : Number.POSITIVE_INFINITY;
}
