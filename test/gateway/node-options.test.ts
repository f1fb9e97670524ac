import { describe, expect, it } from 'vitest';
import { checkConfig } from '#config/check.ts';
import { nodeOptions } from '#gateway/node-options.ts';

function optionsOf(overlay: object) {
  const checked = checkConfig({ overlay });
  if (!('config' in checked)) throw new Error(JSON.stringify(checked.problems));
  return nodeOptions(checked.config);
}

describe('what a node makes of its configuration', () => {
  it('searches the local network by DNS-SD unless told otherwise, or all is on loopback', () => {
    expect(optionsOf({}).localSearch).toEqual({ dnsSd: true, loopback: false });
    expect(optionsOf({ dns_sd: false }).localSearch).toEqual({ dnsSd: false, loopback: false });
    expect(optionsOf({ loopback: true }).localSearch).toEqual({ dnsSd: false, loopback: true });
    expect(optionsOf({ loopback: true, dns_sd: true }).localSearch).toEqual({ dnsSd: true, loopback: true });
  });

  it('takes links of Attach at the ports of overlay.attach_ports, and keeps names of first contacts', () => {
    expect(optionsOf({ attach_ports: [6100, 6199] }).tls?.portRange).toEqual({ from: 6100, to: 6199 });
    expect(optionsOf({}).tls?.portRange).toBeUndefined();
    const { bootstrapNodes } = optionsOf({ bootstrap: ['peers.example:6084', '[2001:db8::1]:7000'] });
    expect(bootstrapNodes).toEqual([
      { address: 'peers.example', port: 6084 },
      { address: '2001:db8::1', port: 7000 },
    ]);
  });

  it('is no bootstrap node as a client', () => {
    expect(checkConfig({ roles: ['client', 'bootstrap'] })).toMatchObject({ problems: [{ path: 'roles' }] });
  });
});
