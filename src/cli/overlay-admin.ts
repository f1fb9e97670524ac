import { X509Certificate } from 'node:crypto';
import { parseAddress } from '#cli/overlay-create.ts';
import { controlPath, controlRequest } from '#gateway/control.ts';
import { accountsDirectory } from '#gateway/own-overlay.ts';
import type { Clock } from '#platform/clock.ts';
import { Failure } from '#platform/failure.ts';
import type { Random } from '#platform/random.ts';
import { ACCOUNTS_NAMESPACE, Accounts } from '#reload/enrollment/accounts.ts';
import { loadAuthority } from '#reload/enrollment/authority-directory.ts';
import { issuerFingerprint } from '#reload/enrollment/enrollment-authority.ts';
import { OverlayOperator } from '#reload/enrollment/operator.ts';
import { adviceOn } from '#reload/overlay-config/advice.ts';
import type { OverlayConfiguration } from '#reload/overlay-config/configuration.ts';
import { readDocument } from '#reload/overlay-config/document.ts';
import { parseNodeId } from '#reload/wire/ids.ts';
import { openLmdbStore } from '#store/lmdb-store.ts';

export interface AdminDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly print: (line: string) => void;
}

export interface AdminOptions {
  /** The overlay's folder. */
  readonly dir: string;
  /** State directory of a running member, which spreads the new document. */
  readonly publish?: string;
}

interface AdminFault {
  readonly code: 'bad-option';
}

/** `copperring overlay ban`. */
export async function banCommand(
  deps: AdminDeps,
  options: AdminOptions & { readonly node?: string; readonly user?: string; readonly remove?: boolean },
): Promise<void> {
  const { node, user, remove = false } = options;
  if ((node === undefined) === (user === undefined)) throw badOption('give either --node or --user');
  const nodeId = node === undefined ? undefined : parseNodeId(node);
  if (node !== undefined && nodeId === undefined) throw badOption(`${node} is no Node-ID in hexadecimal`);
  await change(deps, options, (operator) =>
    nodeId === undefined ? operator.banUser(user ?? '', remove) : operator.banNodes([nodeId], remove),
  );
}

export interface UpdateChoices {
  /** RFC 3339 time, or `never`. */
  readonly expires?: string;
  readonly bootstrap?: readonly string[];
  readonly maxMessageSize?: string;
}

/** `copperring overlay update`. */
export async function updateCommand(deps: AdminDeps, options: AdminOptions & UpdateChoices): Promise<void> {
  const { expires, bootstrap, maxMessageSize } = options;
  const size = Number(maxMessageSize ?? 5000);
  if (!Number.isInteger(size) || size < 5000 || size > 2 ** 24)
    throw badOption('--max-message-size is 5000 to 16777216');
  const changes: Partial<OverlayConfiguration> = {
    ...(expires === undefined ? {} : { expiration: expirationOf(expires, deps.clock) }),
    ...(bootstrap === undefined ? {} : { bootstrapNodes: bootstrap.map(parseAddress) }),
    ...(maxMessageSize === undefined ? {} : { maxMessageSize: size }),
  };
  if (Object.keys(changes).length === 0)
    throw badOption('give what to change: --expires, --bootstrap or --max-message-size');
  await change(deps, options, (operator) => operator.update(changes));
}

/** `copperring overlay add-root`. */
export async function addRootCommand(deps: AdminDeps, options: AdminOptions): Promise<void> {
  await change(deps, options, async (operator) => {
    const { document, fingerprint } = await operator.addRoot();
    deps.print(
      `New certificates come from root ${fingerprint}. Renew the signer next, and remove the old root once all have renewed.`,
    );
    return document;
  });
}

/** `copperring overlay remove-root`. */
export async function removeRootCommand(
  deps: AdminDeps,
  options: AdminOptions & { readonly root: string; readonly force?: boolean },
): Promise<void> {
  if (!/^[0-9a-f]{8,64}$/.test(options.root))
    throw badOption('--root is the beginning of a fingerprint as `overlay show` prints it');
  await change(deps, options, (operator) => operator.removeRoot(options.root, options.force === true));
  const { issuer } = await loadAuthority(options.dir);
  deps.print(`Invitations end with sha256-${issuerFingerprint(issuer)} from now on.`);
}

/** `copperring overlay renew-signer`. */
export async function renewSignerCommand(deps: AdminDeps, options: AdminOptions): Promise<void> {
  await change(deps, options, (operator) => operator.renewSigner());
}

/** `copperring overlay publish`: hands the document of the folder to a running member. */
export async function publishCommand(deps: AdminDeps, { dir, publish = '' }: AdminOptions): Promise<void> {
  await hand(deps, (await loadAuthority(dir)).configuration.bytes, publish);
}

/** `copperring overlay show`. */
export async function showCommand(
  deps: AdminDeps,
  options: { readonly dir: string; readonly json?: boolean },
): Promise<void> {
  const { issuer, configuration } = await loadAuthority(options.dir);
  const c = configuration.current;
  const roots = c.rootCerts.map((certificate) => ({
    fingerprint: issuerFingerprint({ certificate }),
    until: new X509Certificate(certificate).validTo,
    issues: issuerFingerprint({ certificate }) === issuerFingerprint(issuer),
  }));
  const shown = {
    overlay: c.instanceName,
    sequence: c.sequence,
    expiration: c.expiration === undefined ? null : new Date(c.expiration).toISOString(),
    enrollment: c.enrollmentServers,
    bootstrap: c.bootstrapNodes.map(
      ({ address, port }) => `${address.includes(':') ? `[${address}]` : address}:${port}`,
    ),
    max_message_size: c.maxMessageSize,
    roots,
    signers: c.configurationSigners,
    kind_signers: c.kindSigners,
    banned: c.badNodes,
    advice: adviceOn(c),
  };
  if (options.json === true) return deps.print(JSON.stringify(shown));
  deps.print(`overlay    ${shown.overlay}, document ${shown.sequence}, expires ${shown.expiration ?? 'never'}`);
  for (const url of shown.enrollment) deps.print(`enrollment ${url}`);
  for (const at of shown.bootstrap) deps.print(`bootstrap  ${at}`);
  for (const { fingerprint, until, issues } of roots)
    deps.print(`root       ${fingerprint} until ${until}${issues ? ', issues certificates' : ''}`);
  for (const nodeId of shown.signers) deps.print(`signer     ${nodeId}`);
  for (const nodeId of shown.banned) deps.print(`banned     ${nodeId}`);
  for (const sentence of shown.advice) deps.print(`advice     ${sentence}`);
}

async function change(
  deps: AdminDeps,
  { dir, publish }: AdminOptions,
  make: (operator: OverlayOperator) => Promise<Uint8Array | undefined>,
): Promise<void> {
  const store = await openLmdbStore(accountsDirectory(dir));
  let document: Uint8Array | undefined;
  try {
    const accounts = new Accounts({ store: store.namespace(ACCOUNTS_NAMESPACE), random: deps.random });
    document = await make(new OverlayOperator({ ...deps, accounts }, { directory: dir }));
  } finally {
    await store.close();
  }
  if (document === undefined) return deps.print('The account is changed; the document needs no change.');
  const { sequence } = readDocument(document).configuration;
  deps.print(`Document ${sequence} is signed and in ${dir}; an enrollment server that runs on it serves it at once.`);
  if (publish !== undefined) await hand(deps, document, publish);
}

async function hand(deps: AdminDeps, document: Uint8Array, state: string): Promise<void> {
  await controlRequest(controlPath(state), { command: 'adopt', document: Buffer.from(document).toString('base64') });
  deps.print('The running node has taken it and passes it on.');
}

function expirationOf(text: string, clock: Clock): number | undefined {
  if (text === 'never') return undefined;
  const time = /^\d{4}-\d\d-\d\d(?:T\d\d:\d\d:\d\dZ)?$/.test(text) ? Date.parse(text) : Number.NaN;
  if (!(time > clock.now()))
    throw badOption('--expires is a time to come, such as 2030-01-01 or 2030-01-01T00:00:00Z, or never');
  return time;
}

function badOption(message: string): Failure<AdminFault> {
  return new Failure<AdminFault>({ code: 'bad-option' }, message);
}
