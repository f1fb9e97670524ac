/** What may be asked for by MQTT. Nothing dials. */
export type MqttCommand =
  | { readonly command: 'hangup' }
  | { readonly command: 'block-last' }
  | {
      readonly command: 'block' | 'unblock' | 'allow' | 'unallow';
      /** As `copperring screening` takes it. */
      readonly caller: string;
    };

/** Longer payloads hold no command. */
export const MAX_COMMAND = 512;
const CHANGES = ['block', 'unblock', 'allow', 'unallow'] as const;

/** Reads `hangup`, `block-last` or `{"command":"block","caller":"+49…"}`; undefined for anything else. */
export function parseCommand(payload: string): MqttCommand | undefined {
  const text = payload.trim();
  if (text === 'hangup' || text === 'block-last') return { command: text };
  if (text.length > MAX_COMMAND || !text.startsWith('{')) return undefined;
  try {
    const { command, caller }: Readonly<Record<string, unknown>> = JSON.parse(text);
    if (command === 'hangup' || command === 'block-last') return { command };
    const change = CHANGES.find((one) => one === command);
    return change !== undefined && typeof caller === 'string' ? { command: change, caller } : undefined;
  } catch {
    return undefined;
  }
}
