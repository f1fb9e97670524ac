import { describe, expect, it } from 'vitest';
import { concat, utf8 } from '#platform/bytes.ts';
import { silentLogger } from '#platform/log.ts';
import type { KindConfiguration, OverlayConfiguration } from '#reload/overlay-config/configuration.ts';
import { readDocument } from '#reload/overlay-config/document.ts';
import { newConfiguration } from '#reload/overlay-config/overlay-defaults.ts';
import { nodeMatch, nodeMultiple, userMatch, userNodeMatch } from '#reload/storage/access-policy.ts';
import type { WriteAttempt } from '#reload/storage/kind.ts';
import { type BuiltInKind, KindRegistry } from '#reload/storage/kind-registry.ts';
import { ACCESS_POLICIES, BUILT_IN_KINDS } from '#reload/usages/kinds.ts';
import { KindId } from '#reload/wire/codes.ts';
import { hashToResourceId, idBytes, type NodeId } from '#reload/wire/ids.ts';
import { createTestOverlay } from '../../support/overlay.ts';
import { TEST_KINDS } from './storage-ring.ts';

const NODE = '0123456789abcdef0123456789abcdef' as NodeId;
const OTHER = 'fedcba9876543210fedcba9876543210' as NodeId;
const signer = { nodeId: NODE, userName: 'alice@home.example' };
const value = { model: 'single', exists: true, value: utf8('v') } as const;
const attempt = (resource: Uint8Array | string, more: Partial<WriteAttempt> = {}): WriteAttempt => ({
  resource: hashToResourceId(resource),
  value,
  signer,
  ...more,
});

describe('access policies', () => {
  it('R6940-7.3.1-01 USER-MATCH wants the hash of the user name', () => {
    expect(userMatch(attempt('alice@home.example'))).toBeUndefined();
    expect(userMatch(attempt('bob@home.example'))).toContain('USER-MATCH');
    expect(userMatch(attempt('Alice@home.example'))).toBeDefined();
  });

  it('R6940-7.3.2-01 NODE-MATCH wants the hash of the Node-ID that signed, as raw bytes', () => {
    expect(nodeMatch(attempt(idBytes(NODE)))).toBeUndefined();
    expect(nodeMatch(attempt(idBytes(OTHER)))).toContain('NODE-MATCH');
    expect(nodeMatch(attempt(NODE))).toBeDefined();
  });

  it('R6940-7.3.3-02 R6940-7.3.3-03 USER-NODE-MATCH wants both, and a dictionary', () => {
    const keyed = (key: NodeId) =>
      ({ value: { model: 'dictionary', key: idBytes(key), exists: true, value: utf8('v') } }) as const;
    expect(userNodeMatch(attempt('alice@home.example', keyed(NODE)))).toBeUndefined();
    expect(userNodeMatch(attempt('alice@home.example', keyed(OTHER)))).toBeDefined();
    expect(userNodeMatch(attempt('bob@home.example', keyed(NODE)))).toBeDefined();
    expect(userNodeMatch(attempt('alice@home.example'))).toBeDefined();
  });

  it('R6940-7.3.4-01 R6940-7.3.4-03 NODE-MULTIPLE tries every number up to the maximum', () => {
    const policy = nodeMultiple(20);
    const at = (node: NodeId, i: number) => attempt(concat(idBytes(node), Uint8Array.of(i)));
    for (let i = 1; i <= 20; i += 1) expect(policy(at(NODE, i))).toBeUndefined();
    for (const i of [0, 21]) expect(policy(at(NODE, i))).toContain('NODE-MULTIPLE');
    expect(policy(at(OTHER, 1))).toBeDefined();
  });
});

function registry(kinds: readonly KindConfiguration[], listeners: ((c: OverlayConfiguration) => void)[] = []) {
  const current = newConfiguration({ instanceName: 'home.example', rootCerts: [], configurationSigners: [], kinds });
  const configuration = {
    current,
    bytes: new Uint8Array(),
    onChange: (listener: (c: OverlayConfiguration) => void) => listeners.push(listener),
  };
  return new KindRegistry({ configuration, builtIn: BUILT_IN_KINDS, policies: ACCESS_POLICIES, log: silentLogger });
}

describe('KindRegistry', () => {
  it('R6940-8-02 knows the registered Kinds without any element, with limits of its own', () => {
    const kinds = registry([]);
    expect(
      [
        KindId.sipRegistration,
        KindId.turnService,
        KindId.certificateByNode,
        KindId.certificateByUser,
        KindId.redir,
      ].map((id) => [kinds.get(id)?.name, kinds.get(id)?.dataModel, (kinds.get(id)?.maxCount ?? 0) > 0]),
    ).toEqual([
      ['SIP-REGISTRATION', 'dictionary', true],
      ['TURN-SERVICE', 'single', true],
      ['CERTIFICATE_BY_NODE', 'array', true],
      ['CERTIFICATE_BY_USER', 'array', true],
      ['REDIR', 'dictionary', true],
    ]);
    expect(kinds.get(KindId.pstnGateway)).toBeUndefined();
  });

  it('R7904-7-03 takes limits, but neither model nor policy, of a registered Kind from the document', () => {
    const element = { ...TEST_KINDS.single, id: KindId.sipRegistration, maxCount: 3, maxSize: 99 };
    const kind = registry([element]).get(KindId.sipRegistration);
    expect(kind).toMatchObject({ dataModel: 'dictionary', maxCount: 3, maxSize: 99 });
    expect(kind?.permits(attempt('alice@home.example'))).toContain('key');
  });

  it('R6940-7.4.5-01 defines private Kinds by the document', () => {
    const kinds = registry([TEST_KINDS.multiple]);
    expect(kinds.get(TEST_KINDS.multiple.id)).toMatchObject({ dataModel: 'single', maxCount: 1, maxSize: 200 });
    expect(
      kinds.get(TEST_KINDS.multiple.id)?.permits(attempt(concat(idBytes(NODE), Uint8Array.of(5)))),
    ).toBeUndefined();
  });

  it('R6940-7.3-01 R6940-7.3.3-01 R6940-7.3.4-02 R6940-14.4-01 R7374-5-04 refuses Kinds whose policy it cannot enforce', () => {
    const bad = [
      { ...TEST_KINDS.single, accessControl: 'EXP-MATCH' },
      { ...TEST_KINDS.array, accessControl: 'USER-NODE-MATCH' },
      { ...TEST_KINDS.node, accessControl: 'NODE-ID-MATCH' },
      { ...TEST_KINDS.multiple, maxNodeMultiple: undefined },
    ];
    const kinds = registry([...bad, TEST_KINDS.owned]);
    expect(bad.map(({ id }) => kinds.get(id))).toEqual(bad.map(() => undefined));
    expect(kinds.get(TEST_KINDS.owned.id)).toBeDefined();
  });

  it('R6940-5.2-01 refuses a usage whose Kind does not say all that belongs to it', () => {
    const [complete] = BUILT_IN_KINDS;
    const configuration = {
      current: newConfiguration({ instanceName: 'home.example', rootCerts: [], configurationSigners: [], kinds: [] }),
      bytes: new Uint8Array(),
      onChange: () => {},
    };
    const register = (kind: object) =>
      new KindRegistry({
        configuration,
        builtIn: [kind as BuiltInKind],
        policies: ACCESS_POLICIES,
        log: silentLogger,
      });
    expect(register(complete!).get(complete!.id)?.name).toBe(complete!.name);
    for (const part of ['id', 'valueFormat', 'dataModel', 'policy', 'resourceName', 'merge']) {
      expect(() => register({ ...complete, [part]: undefined })).toThrow(part);
    }
  });

  it('R6940-7.4.5-02 the document that lacks a part of a Kind is refused', async () => {
    const { document } = await createTestOverlay({ configuration: { kinds: [TEST_KINDS.single] } });
    const xml = Buffer.from(document).toString();
    expect(readDocument(document).configuration.kinds).toMatchObject([{ id: TEST_KINDS.single.id }]);
    const parts: [RegExp, string][] = [
      [/ id="4026532097"/, 'name or an id'],
      [/<data-model>SINGLE<\/data-model>/, 'data-model'],
      [/<access-control>USER-MATCH<\/access-control>/, 'access-control'],
    ];
    for (const [part, complaint] of parts) {
      expect(xml).toMatch(part);
      expect(() => readDocument(utf8(xml.replace(part, '')))).toThrow(complaint);
    }
  });

  it('follows a new document', () => {
    const listeners: ((c: OverlayConfiguration) => void)[] = [];
    const kinds = registry([], listeners);
    const next = newConfiguration({
      instanceName: 'home.example',
      rootCerts: [],
      configurationSigners: [],
      kinds: [TEST_KINDS.node],
    });
    for (const listener of listeners) listener(next);
    expect(kinds.get(TEST_KINDS.node.id)).toBeDefined();
  });
});
