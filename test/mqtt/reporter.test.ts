import { describe, expect, it } from 'vitest';
import { deviceDescription } from '#mqtt/home-assistant.ts';

describe('the description for Home Assistant', () => {
  const describeDevice = (commands: boolean) =>
    deviceDescription({ id: 'gw1', base: 'copperring/gw1', eventTypes: ['ring'], commands }) as {
      device: { identifiers: string[] };
      origin: { name: string };
      availability: { topic: string }[];
      components: Record<string, { platform: string; unique_id: string; state_topic?: string }>;
    };

  it('names the device, its origin, where it is available, and gives each entity a platform and a unique id', () => {
    const { device, origin, availability, components } = describeDevice(false);
    expect([device.identifiers, origin.name, availability]).toEqual([
      ['copperring_gw1'],
      'Copperring',
      [{ topic: 'copperring/gw1/availability' }],
    ]);
    const all = Object.values(components);
    expect(all.every(({ platform, state_topic }) => platform && state_topic?.startsWith('copperring/gw1/'))).toBe(true);
    expect(new Set(all.map(({ unique_id }) => unique_id)).size).toBe(all.length);
  });

  it('offers no command unless commands are on', () => {
    expect(Object.keys(describeDevice(false).components)).not.toContain('hangup');
    expect(describeDevice(true).components.hangup).toMatchObject({
      platform: 'button',
      command_topic: 'copperring/gw1/command',
    });
  });
});
