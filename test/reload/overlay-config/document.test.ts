import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { utf8 } from '#platform/bytes.ts';
import { readDocument, readKindBlock } from '#reload/overlay-config/document.ts';
import { BASE_NAMESPACE, COPPERRING_NAMESPACE } from '#reload/overlay-config/namespaces.ts';
import { requireSupported } from '#reload/overlay-config/support.ts';
import { documentOf, faultOf, KIND_PARTS, kindBlock } from './documents.ts';

const read = (content: string, attributes?: string) =>
  readDocument(documentOf(content, attributes), undefined).configuration;
const fault = (content: string, attributes?: string) => faultOf(() => read(content, attributes));
const supportFault = (content: string, noIce = '<no-ice>true</no-ice>') =>
  faultOf(() => requireSupported(read(content + noIce)));
const A = 'aa'.repeat(16);
const B = 'bb'.repeat(16);

describe('configuration document', () => {
  it('R6940-11.1-21 R6940-11.1-24 fills in every default for an empty configuration', () => {
    expect(read('')).toEqual({
      instanceName: 'home.example',
      sequence: 1,
      expiration: undefined,
      topologyPlugin: 'CHORD-RELOAD',
      nodeIdLength: 16,
      rootCerts: [],
      enrollmentServers: [],
      selfSignedDigest: undefined,
      sharedSecret: undefined,
      bootstrapNodes: [],
      multicastBootstrap: [],
      turnDensity: 1,
      clientsPermitted: true,
      noIce: false,
      maxMessageSize: 5000,
      initialTtl: 100,
      reliabilityTimer: 3000,
      linkProtocols: ['TLS'],
      configurationSigners: [],
      kindSigners: [],
      badNodes: [],
      mandatoryExtensions: [],
      kinds: [],
      unknownKinds: [],
      chordUpdateInterval: 600,
      chordPingInterval: 3600,
      chordReactive: true,
      pstnDomain: 'pstn.home.example',
      gatewayPrefixLengths: [0, 1, 2, 3],
    });
  });

  it('reads every element, padded as in the example of the RFC', () => {
    const configuration = read(
      `<topology-plugin> CHORD-RELOAD </topology-plugin><node-id-length> 16 </node-id-length><root-cert> AA\n AA </root-cert>
       <enrollment-server>https://a.example/e</enrollment-server><enrollment-server><url>https://b.example/</url></enrollment-server>
       <self-signed-permitted digest="sha1">false</self-signed-permitted><turn-density> 20 </turn-density>
       <clients-permitted> false </clients-permitted><no-ice> 1 </no-ice><shared-secret> password </shared-secret>
       <chord:chord-update-interval>\n400</chord:chord-update-interval><chord:chord-ping-interval>30</chord:chord-ping-interval>
       <chord:chord-reactive> 0 </chord:chord-reactive><max-message-size>4000</max-message-size><initial-ttl> 30 </initial-ttl>
       <overlay-reliability-timer>200</overlay-reliability-timer><overlay-link-protocol>TLS</overlay-link-protocol>
       <configuration-signer>${A}</configuration-signer><kind-signer> ${A} </kind-signer><kind-signer>${B.toUpperCase()}</kind-signer>
       <bad-node>${B}</bad-node><mandatory-extension> urn:x </mandatory-extension>
       <pstn-domain xmlns="${COPPERRING_NAMESPACE}">gw.example</pstn-domain>
       <gateway-prefix-lengths xmlns="${COPPERRING_NAMESPACE}"> 0 4 </gateway-prefix-lengths>`,
      'instance-name="home.example" sequence="22" expiration="2030-01-01T00:00:00Z"',
    );
    expect(configuration).toMatchObject({
      sequence: 22,
      expiration: Date.UTC(2030, 0, 1),
      rootCerts: [new Uint8Array(3)],
      enrollmentServers: ['https://a.example/e', 'https://b.example/'],
      selfSignedDigest: undefined,
      turnDensity: 20,
      clientsPermitted: false,
      noIce: true,
      sharedSecret: 'password',
      chordUpdateInterval: 400,
      chordPingInterval: 30,
      chordReactive: false,
      maxMessageSize: 4000,
      initialTtl: 30,
      reliabilityTimer: 200,
      kindSigners: [A, B],
      badNodes: [B],
      mandatoryExtensions: ['urn:x'],
      pstnDomain: 'gw.example',
      gatewayPrefixLengths: [0, 4],
    });
  });

  it('R6940-11.1-04 recognises elements by namespace, and takes four spellings of a boolean in lower case only', () => {
    const prefixed = utf8(
      `<o:overlay xmlns:o="${BASE_NAMESPACE}"><o:configuration instance-name="home.example"><o:no-ice> 1 </o:no-ice></o:configuration></o:overlay>`,
    );
    expect(readDocument(prefixed).configuration.noIce).toBe(true);
    const foreign = utf8(
      `<overlay xmlns="${BASE_NAMESPACE}"><configuration instance-name="home.example"><no-ice xmlns="urn:other">true</no-ice></configuration></overlay>`,
    );
    expect(readDocument(foreign).configuration.noIce).toBe(false);
    expect(faultOf(() => readDocument(utf8('<overlay><configuration instance-name="a"/></overlay>')))).toBe(
      'bad-value',
    );
    expect(fault('<no-ice>TRUE</no-ice>')).toBe('bad-value');
    expect(fault('<no-ice/>')).toBe('bad-value');
  });

  it('R6940-11.1-05 picks the configuration of the wanted overlay out of several, with the signatures behind it', () => {
    const document = utf8(
      `<overlay xmlns="${BASE_NAMESPACE}"><configuration instance-name="other.example"><node-id-length>99</node-id-length></configuration><signature>AA==</signature>` +
        '<configuration instance-name="home.example" sequence="7"/><signature>AQ==</signature>\n<signature algorithm="rsa-sha1"> Ag = = </signature>' +
        '<configuration instance-name="third.example"/><signature>Aw==</signature></overlay>',
    );
    const { configuration, signatures, signedBytes } = readDocument(document, 'home.example');
    expect(configuration.sequence).toBe(7);
    expect(signatures).toEqual([Uint8Array.of(1), Uint8Array.of(2)]);
    expect(new TextDecoder().decode(signedBytes)).toBe('<configuration instance-name="home.example" sequence="7"/>');
  });

  it('R6940-11.2-07 refuses a document without the wanted overlay, letter case included', () => {
    expect(faultOf(() => readDocument(documentOf(''), 'Home.example'))).toBe('wrong-overlay');
    expect(faultOf(() => readDocument(utf8(`<overlay xmlns="${BASE_NAMESPACE}"/>`), 'home.example'))).toBe(
      'wrong-overlay',
    );
  });

  it('R6940-6.3.2-04 refuses an overlay name that DNS could not hold', () => {
    for (const name of ['my overlay!', '', 'a..b', '-a.example', 'home.example.', 'ä.example'])
      expect(fault('', `instance-name="${name}"`), name).toBe('bad-value');
    expect(fault('', 'sequence="1"')).toBe('missing');
  });

  it('R6940-6.3.2.1-02 R6940-11.1-08 takes sequences from 0 to 65534 and counts a missing one as 0', () => {
    expect(read('', 'instance-name="a" sequence="65534"').sequence).toBe(65534);
    expect(read('', 'instance-name="a"').sequence).toBe(0);
    for (const sequence of ['65535', '-1', '1.5', 'one', ''])
      expect(fault('', `instance-name="a" sequence="${sequence}"`)).toBe('bad-value');
  });

  it('R6940-11.1-07 takes times in UTC only', () => {
    expect(read('', 'instance-name="a" expiration="2030-01-01T00:00:00.5Z"').expiration).toBe(
      Date.UTC(2030, 0, 1) + 500,
    );
    for (const time of ['2030-01-01T00:00:00+02:00', '2030-01-01', '2030-13-01T00:00:00Z', 'never'])
      expect(fault('', `instance-name="a" expiration="${time}"`), time).toBe('bad-value');
  });

  it('R6940-11.1-09 takes both spellings of topology-plugin and does not join under another algorithm', () => {
    expect(read('<topology-plug-in>OTHER-ALGO</topology-plug-in>').topologyPlugin).toBe('OTHER-ALGO');
    expect(supportFault('<topology-plugin>OTHER-ALGO</topology-plugin>')).toBe('unsupported');
    expect(supportFault('')).toBe('nothing thrown');
  });

  it('R6940-14.3-01 R6940-14.11-01 does not take part in experiments by name', () => {
    expect(supportFault('<topology-plugin>EXP-OVERLAY</topology-plugin>')).toBe('unsupported');
    expect(supportFault('<overlay-link-protocol>EXP-PROTOCOL</overlay-link-protocol>')).toBe('unsupported');
  });

  it('R6940-11.1-10 takes Node-ID lengths of 16 to 20, and joins with 16 only, since CHORD-RELOAD has 128 bits', () => {
    expect(read('<node-id-length>20</node-id-length>').nodeIdLength).toBe(20);
    expect(supportFault('<node-id-length>20</node-id-length>')).toBe('unsupported');
    for (const length of ['15', '21', '0x10'])
      expect(fault(`<node-id-length>${length}</node-id-length>`)).toBe('bad-value');
  });

  it('R6940-11.1-12 takes enrollment servers over https only', () => {
    for (const url of ['http://a.example', 'ftp://a.example', 'a.example', 'https://u:p@a.example/'])
      expect(fault(`<enrollment-server>${url}</enrollment-server>`), url).toBe('bad-value');
  });

  it('R6940-11.1-14 treats an absent and a false self-signed-permitted alike', () => {
    expect(read('').selfSignedDigest).toBe(
      read('<self-signed-permitted digest="sha256">0</self-signed-permitted>').selfSignedDigest,
    );
  });

  it('R6940-11.1-13 R6940-11.1-15 reads both digests of self-signed-permitted, with neither root nor enrollment server', () => {
    expect(read('<self-signed-permitted digest="sha1">true</self-signed-permitted>').selfSignedDigest).toBe('sha1');
    expect(read('<self-signed-permitted digest="sha256"> 1 </self-signed-permitted>').selfSignedDigest).toBe('sha256');
    expect(fault('<self-signed-permitted digest="md5">true</self-signed-permitted>')).toBe('bad-value');
  });

  it('R6940-11.1-16 reads bootstrap nodes of both address families, at port 6084 unless told otherwise', () => {
    const { bootstrapNodes } = read(
      '<bootstrap-node address="192.0.2.1"/><bootstrap-node address="2001:db8::1" port="7000"/>',
    );
    expect(bootstrapNodes).toEqual([
      { address: '192.0.2.1', port: 6084 },
      { address: '2001:db8::1', port: 7000 },
    ]);
    expect(fault('<bootstrap-node address="host.example"/>')).toBe('bad-value');
    expect(fault('<bootstrap-node address="192.0.2.1" port="0"/>')).toBe('bad-value');
    expect(fault('<bootstrap-node/>')).toBe('missing');
  });

  it('R6940-11.1-25 refuses an overlay-reliability-timer below 200 ms', () => {
    expect(fault('<overlay-reliability-timer>199</overlay-reliability-timer>')).toBe('bad-value');
    expect(read('<overlay-reliability-timer>200</overlay-reliability-timer>').reliabilityTimer).toBe(200);
  });

  it('R6940-11.1-26 joins when TLS is among the link protocols named, or none is', () => {
    expect(supportFault('<overlay-link-protocol>NEW</overlay-link-protocol>')).toBe('unsupported');
    expect(
      supportFault(
        '<overlay-link-protocol>NEW</overlay-link-protocol><overlay-link-protocol>TLS</overlay-link-protocol>',
      ),
    ).toBe('nothing thrown');
  });

  it('R6940-11.1-29 names the mandatory extension it does not support, and tolerates others', () => {
    expect(() => requireSupported(read('<mandatory-extension>urn:x-new</mandatory-extension>'))).toThrow(/urn:x-new/);
    const foreign = '<x:thing xmlns:x="urn:x-new" x:a="1"><x:deep/></x:thing>';
    expect(supportFault(foreign)).toBe('nothing thrown');
    expect(supportFault('<mandatory-extension>URN:ietf:params:xml:ns:p2p:redir</mandatory-extension>')).toBe(
      'unsupported',
    );
  });

  it('refuses an element that the grammar allows once when it stands twice', () => {
    expect(fault('<no-ice>true</no-ice><no-ice>false</no-ice>')).toBe('bad-value');
  });

  it.each([
    '<root-cert>!!!!</root-cert>',
    '<root-cert>AAA</root-cert>',
    '<root-cert>A_-A</root-cert>',
    '<turn-density>256</turn-density>',
    '<initial-ttl>0</initial-ttl>',
    '<max-message-size>1e3</max-message-size>',
    '<configuration-signer>abcd</configuration-signer>',
    `<bad-node>${'aa'.repeat(20)}</bad-node>`,
    `<gateway-prefix-lengths xmlns="${COPPERRING_NAMESPACE}">16</gateway-prefix-lengths>`,
  ])('refuses %s', (content) => {
    expect(fault(content)).toBe('bad-value');
  });
});

describe('kinds of a configuration document', () => {
  it('R6940-11.1-32 takes a Kind by registered name or by private number, never both or neither', () => {
    expect(read(kindBlock('id="4026531841"')).kinds[0]).toMatchObject({ id: 0xf0000001, name: undefined });
    expect(read(kindBlock('name="CERTIFICATE_BY_NODE"')).kinds[0]?.id).toBe(3);
    expect(fault(kindBlock('id="4026531841" name="CERTIFICATE_BY_NODE"'))).toBe('bad-value');
    expect(fault(kindBlock(''))).toBe('bad-value');
    for (const id of ['2000', '4294967294', '4294967295', '0xF0000001'])
      expect(fault(kindBlock(`id="${id}"`)), id).toBe('bad-value');
  });

  it('R6940-11.1-30 refuses a document that requires a Kind or an access policy this node lacks', () => {
    expect(supportFault(kindBlock('name="VOICE-MAIL"'))).toBe('unsupported');
    const policy = Object.values({
      ...KIND_PARTS,
      'access-control': '<access-control>EXP-MATCH</access-control>',
    }).join('');
    expect(supportFault(kindBlock('id="4026531841"', policy))).toBe('unsupported');
  });

  it.each(Object.keys(KIND_PARTS))('R6940-11.1-31 R6940-11.1-35 refuses a Kind without %s', (part) => {
    const rest = Object.values({ ...KIND_PARTS, [part]: '' }).join('');
    expect(fault(kindBlock('id="4026531841"', rest))).toBe('missing');
    expect(fault(kindBlock('name="CERTIFICATE_BY_NODE"', rest))).toBe('missing');
  });

  it('R6940-11.1-33 R6940-11.1-34 wants max-node-multiple above 0 with NODE-MULTIPLE', () => {
    const multiple = (element: string) =>
      fault(
        kindBlock(
          'id="4026531841"',
          `<data-model>SINGLE</data-model><access-control>NODE-MULTIPLE</access-control><max-count>1</max-count><max-size>9</max-size>${element}`,
        ),
      );
    expect(multiple('')).toBe('missing');
    for (const value of ['0', '-1', 'a'])
      expect(multiple(`<max-node-multiple>${value}</max-node-multiple>`)).toBe('bad-value');
    expect(multiple('<max-node-multiple>1</max-node-multiple>')).toBe('nothing thrown');
  });

  it('R6940-11.1-37 ignores what a document says of the model and access of a registered Kind', () => {
    const content =
      '<data-model>ARRAY</data-model><access-control>USER-MATCH</access-control><max-count>1</max-count><max-size>9</max-size><max-node-multiple>20</max-node-multiple>';
    expect(read(kindBlock('name="TURN-SERVICE"', content)).kinds[0]).toMatchObject({
      dataModel: 'SINGLE',
      accessControl: 'NODE-MULTIPLE',
    });
  });

  it('refuses two definitions of one Kind', () => {
    const one = kindBlock('id="4026531841"').replace(/<\/?required-kinds>/g, '');
    expect(fault(`<required-kinds>${one}${one}</required-kinds>`)).toBe('bad-value');
  });

  it('R7374-8-01 reads the branching factor in the Kind or beside it, 10 when absent, and refuses 0 and 1', () => {
    const redir = (inside: string, beside = '') =>
      `${kindBlock('name="REDIR"', Object.values(KIND_PARTS).join('') + inside)}${beside}`;
    const element = (value: string) =>
      `<branching-factor xmlns="urn:ietf:params:xml:ns:p2p:redir">${value}</branching-factor>`;
    expect(read(redir('')).kinds[0]?.branchingFactor).toBe(10);
    expect(read(redir(element('2'))).kinds[0]?.branchingFactor).toBe(2);
    expect(read(redir('', element('4'))).kinds[0]?.branchingFactor).toBe(4);
    expect(fault(redir(element('0')))).toBe('bad-value');
    expect(fault(redir(element('1')))).toBe('bad-value');
  });

  it('reads domain restrictions under both names, in the Kind and beside it, disabled when enable is missing', () => {
    const sip = (inside: string, beside = '') =>
      read(`${kindBlock('name="SIP-REGISTRATION"', Object.values(KIND_PARTS).join('') + inside)}${beside}`).kinds[0]
        ?.domainRestriction;
    const pattern = '<sip:pattern>a\\.example</sip:pattern>';
    expect(sip('')).toBeUndefined();
    expect(sip(`<sip:domain-restriction enable="true">${pattern}</sip:domain-restriction>`)).toEqual({
      enable: true,
      patterns: ['a\\.example'],
    });
    expect(sip(`<sip:domain-restrictions>${pattern}</sip:domain-restrictions>`)?.enable).toBe(false);
    expect(sip('', '<sip:domain-restrictions enable=" 1 "/>')).toEqual({ enable: true, patterns: [] });
    expect(() =>
      sip('<sip:domain-restriction enable="true"><sip:pattern>(a*</sip:pattern></sip:domain-restriction>'),
    ).toThrow(/POSIX/);
  });

  it('reads a kind-block that travels alone, with and without the namespace', () => {
    const bare =
      '<kind-block><kind id="4026531842">' +
      `${Object.values(KIND_PARTS).join('')}</kind><kind-signature>AA==</kind-signature></kind-block>`;
    const block = readKindBlock(utf8(bare));
    expect(block.kind.id).toBe(0xf0000002);
    expect(new TextDecoder().decode(block.signedBytes)).toBe(bare.slice(12, bare.indexOf('<kind-signature>')));
    expect(readKindBlock(utf8(bare.replace('<kind-block>', `<kind-block xmlns="${BASE_NAMESPACE}">`))).kind.id).toBe(
      0xf0000002,
    );
    expect(faultOf(() => readKindBlock(utf8('<kind id="4026531842"/>')))).toBe('bad-value');
  });
});

describe('the document made by another implementation', () => {
  const vectors = JSON.parse(readFileSync('test/vectors/reload-messages.json', 'utf8')) as readonly {
    name: string;
    hex: string;
    meaning: { signed_blob_sha256: string };
  }[];
  const vector = vectors.find(({ name }) => name === 'config_document')!;

  it('is read in full, and the bytes its signature covers are found', async () => {
    const { createHash } = await import('node:crypto');
    const { configuration, signedBytes, kindBlocks } = readDocument(Buffer.from(vector.hex, 'hex'), 'h4.example.org');
    expect(configuration).toMatchObject({
      instanceName: 'h4.example.org',
      sequence: 2,
      noIce: true,
      bootstrapNodes: [{ address: '127.0.0.1', port: 6084 }],
    });
    expect(kindBlocks.map(({ kind }) => kind.id)).toEqual([1, 2, 0xf0000001]);
    expect(createHash('sha256').update(signedBytes).digest('hex')).toBe(vector.meaning.signed_blob_sha256);
  });
});
