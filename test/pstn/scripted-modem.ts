import { silentLogger } from '#platform/log.ts';
import { ModemLine, type ModemLineOptions } from '#pstn/modem/modem-line.ts';
import type { SerialListener } from '#pstn/modem/serial-port.ts';
import { VirtualClock } from '../simulation/virtual-clock.ts';

/** Answers as a CX93001 gives them; a test overrides what its modem does otherwise. `undefined`: no answer at all. */
export type Answers = Readonly<Record<string, string | undefined>>;

const usual: Answers = {
  'AT+VSM=?': '130,"UNSIGNED PCM",8,0,(8000),(0),(0)\r\n131,"ULAW",8,0,(7200,8000),(0),(0)\r\n\r\nOK',
  'AT+VTR': 'CONNECT',
};

/** A modem that only says what it was told to, for manners that the emulator does not have. */
export function scriptedModem(answers: Answers = {}, options: Partial<ModemLineOptions> = {}) {
  const clock = new VirtualClock();
  const commands: string[] = [];
  let listener: SerialListener | undefined;
  let opened = 0;
  let mute = false;
  const all: Answers = { ...usual, ...answers };
  const answer = (command: string) => {
    const text = mute ? undefined : command in all ? all[command] : 'OK';
    if (text !== undefined) clock.after(5, () => listener?.data(Buffer.from(`\r\n${text}\r\n`, 'latin1')));
  };
  let typed = '';
  const line = new ModemLine(
    {
      clock,
      log: silentLogger,
      openPort: async (_path, _baudRate, to) => {
        opened++;
        listener = to;
        return {
          write(bytes) {
            typed += Buffer.from(bytes).toString('latin1');
            const ends = typed.split('\r');
            typed = ends.pop() ?? '';
            for (const command of ends) {
              const at = command.indexOf('AT');
              if (at < 0) continue;
              commands.push(command.slice(at));
              answer(command.slice(at));
            }
          },
          close: async () => {
            listener = undefined;
          },
        };
      },
    },
    { name: 'line', path: 'modem', country: 'US', ...options },
  );
  return {
    clock,
    line,
    commands,
    opened: () => opened,
    /** From now on there is no answer to anything. */
    fallSilent() {
      mute = true;
    },
    say: (text: string) => listener?.data(Buffer.from(text, 'latin1')),
    sound: (count: number) => listener?.data(new Uint8Array(count).fill(0x7f)),
  };
}
