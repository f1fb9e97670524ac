export type LogLevel = 'debug' | 'info' | 'warn' | 'error';
export type LogFields = Readonly<Record<string, unknown>>;

/** Structured log of one component. Text that came from the network goes through `printable` first. */
export interface Logger {
  /** A logger whose component name is `name`; nested names are joined by a dot. */
  child(name: string): Logger;
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
}

export const silentLogger: Logger = {
  child: () => silentLogger,
  debug: () => {},
  info: () => {},
  warn: () => {},
  error: () => {},
};

/** Foreign text made safe to print: everything but printable ASCII is escaped, and at most `limit` characters are kept. */
export function printable(text: string, limit = 200): string {
  const kept = text.length > limit ? `${text.slice(0, limit)}...` : text;
  return kept.replace(/[^\x20-\x7e]/gu, (c) => `\\u{${(c.codePointAt(0) ?? 0).toString(16)}}`);
}
