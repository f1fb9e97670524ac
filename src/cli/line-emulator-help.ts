/** What stands behind the options of `copperring line-emulator --help`. */
export const lineEmulatorHelp = `
Commands, one JSON object a line on standard input (docs/EMULATOR.md has all of them):
  {"command":"ring","callerId":{"number":"5551234","name":"ALICE"},"sendHz":523}
  {"command":"give-up"}  {"command":"hang-up","how":"busy-tone"}  {"command":"send-digits","digits":"42"}
  {"command":"plan","number":"5551234","behaviour":"busy"}  {"command":"report"}
  {"command":"telephone","by":"extension","offHook":true}  {"command":"cut"}
  {"command":"unplug"}  {"command":"replug","elsewhere":true}  {"command":"power-cycle"}  {"command":"stray-ring"}
  {"command":"fault","fault":"silent","on":true}
Faults: silent, garbage, stuck-in-duplex, blocked, lost-ok, echo, numeric; of cellular modules uplink-stall, degrading, early-begin.`;
