import { describe, expect, it } from 'vitest';
import { adviceOn } from '#reload/overlay-config/advice.ts';
import type { OverlayConfiguration } from '#reload/overlay-config/configuration.ts';
import { initialTtlFor, newConfiguration } from '#reload/overlay-config/overlay-defaults.ts';

const plain = { instanceName: 'home.example', rootCerts: [], configurationSigners: [] };
const advice = (changes: Partial<OverlayConfiguration>) => adviceOn({ ...newConfiguration(plain), ...changes }).join();

describe('initial-ttl of a new document', () => {
  it.each([
    [1, 5],
    [2, 6],
    [1000, 15],
    [1024, 15],
    [1025, 16],
    [1_000_000, 25],
    [2 ** 260, 255],
  ])('R6940-13.6.5-01 is log2(N) + 5, rounded up: %d peers make %d', (peers, ttl) => {
    expect(initialTtlFor(peers)).toBe(ttl);
  });

  it('R6940-13.6.5-01 is right for a million peers when nobody says how many there will be', () => {
    expect(newConfiguration(plain).initialTtl).toBe(25);
    expect(newConfiguration({ ...plain, initialTtl: 12 }).initialTtl).toBe(12);
  });
});

describe('advice on a document', () => {
  it('is none for a new one', () => {
    expect(advice({ enrollmentServers: ['https://home.example/enroll'] })).toBe('');
  });

  it('R6940-11.3.1-07 says that names are not protected where certificates are self-signed', () => {
    expect(advice({ selfSignedDigest: 'sha256' })).toMatch(/any user name.*enrollment server/);
    const both = { selfSignedDigest: 'sha256', enrollmentServers: ['https://home.example/enroll'] } as const;
    expect(advice(both)).toMatch(/not protected/);
  });

  it('says that an initial-ttl or a shared-secret is too small', () => {
    expect(advice({ initialTtl: 8 })).toMatch(/initial-ttl 8/);
    expect(advice({ initialTtl: 9 })).toBe('');
    expect(advice({ sharedSecret: 'password' })).toMatch(/guessed/);
    expect(advice({ sharedSecret: 'password' })).not.toMatch(/password/);
    expect(advice({ sharedSecret: 'kXo7Zs1fQe9TtB4uVw2Hn8Jm' })).toBe('');
  });
});
