/** The session of a job's instance. The only place where secrets are opened: late, and for one instance. */
import { SwitchyardError } from "../errors.ts";
import { bind } from "../model/binding.ts";
import type { Instance } from "../model/instance.ts";
import type { IntegrationType } from "../model/integration-type.ts";
import type { Job } from "../model/job.ts";
import { sealedParamsOf } from "../queue/secret-params.ts";
import { hostKeyAt, meetHostKey } from "../store/host-keys.ts";
import { sealedSecrets } from "../store/instances.ts";
import type { Store } from "../store/store.ts";
import type { HostKeys } from "../transports/contract.ts";
import type { Session, Transports } from "../transports/transports.ts";
import type { Vault } from "../vault/vault.ts";

/** What the store remembers of the instance's host keys. */
const hostKeysIn = ({ store, now }: SessionDeps, instanceId: string): HostKeys => ({
  known: async (place) => {
    const record = await store.read(() => hostKeyAt(instanceId, place));
    return record === undefined ? [] : [record.trusted ?? [], record.seen].flat();
  },
  meet: async (place, key, isPinned) => {
    const before = await store.read(() => hostKeyAt(instanceId, place));
    const isNews = before?.seen.fingerprint !== key.fingerprint || (before.trusted === null && !isPinned);
    const meeting = { instanceId, place, key, isPinned, now: now() };
    const record = isNews ? await store.write(() => meetHostKey(meeting)) : before;
    return record.trusted ?? record.seen;
  },
});

interface SessionDeps {
  readonly now: () => number;
  readonly store: Store;
  readonly vault: Vault;
  readonly transports: Transports;
}

interface Sealed {
  readonly name: string;
  readonly version: number;
  readonly sealed: string;
  /** What it was sealed for. */
  readonly scope: string;
  readonly field: string;
}

const paramPrefix = "params.";

/** A new secret never goes to the endpoint of the config before: both change together, and the job read one of them earlier. */
const requireSameSecrets = (
  { name, secrets }: Instance,
  sealed: readonly { readonly name: string; readonly version: number }[],
): void => {
  const isSame = sealed.length === Object.keys(secrets).length;
  if (isSame && sealed.every((secret) => secrets[secret.name]?.version === secret.version)) return;
  throw new SwitchyardError("needs_review", {
    detail: `The instance ${name} was changed in the moment the job began: test it, then ask again.`,
  });
};

const paramsOf = (job: Pick<Job, "id" | "sealedInput">): readonly Sealed[] =>
  sealedParamsOf(job).map(({ name, sealed, scope }) => ({
    name: `${paramPrefix}${name}`,
    version: 1,
    sealed,
    scope,
    field: name,
  }));

const sealedOf = async (store: Store, job: Job, instance: Instance): Promise<readonly Sealed[]> => {
  const own = await store.read(() => sealedSecrets(instance.id));
  requireSameSecrets(instance, own);
  return [
    ...own.map(({ name, version, sealed }) => ({ name, version, sealed, scope: instance.id, field: name })),
    ...paramsOf(job),
  ];
};

const openOne = (vault: Vault, { sealed, scope, field, version }: Sealed): string =>
  vault.open(sealed, { scope, field, version });

/** All that a session is made of follows from its key. An action's own secrets make it the job's alone. */
const keyOf = (own: string, instance: Instance, digest: string): string => {
  const versions = Object.entries(instance.secrets).map(([name, { version }]) => `${name}.${version}`);
  return [instance.id, instance.configRevision, digest, own, ...versions.sort()].join("|");
};

interface SessionFacts {
  readonly instance: Instance;
  readonly type: IntegrationType;
}

/** Secrets are opened for the first job of an instance, and again once anything about it has changed. */
export const openSession = async (deps: SessionDeps, job: Job, facts: SessionFacts): Promise<Session> => {
  const { store, vault, transports } = deps;
  const { instance, type } = facts;
  const { manifest, digest } = type;
  const key = keyOf(job.sealedInput === null ? "" : job.id, instance, digest);
  const known = transports.opened(key);
  if (known !== undefined) return known;
  // A job with secrets of its own goes over the instance's connections all the same.
  if (job.sealedInput !== null) await openSession(deps, { ...job, sealedInput: null }, facts);
  const sealed = await sealedOf(store, job, instance);
  return transports.open({
    instanceId: instance.id,
    key,
    sharesWith: keyOf("", instance, digest),
    // Only what is set chooses an alternative: an optional secret that is absent must not.
    binding: bind({ manifest, config: instance.config, secretNames: sealed.map(({ name }) => name) }),
    secrets: sealed.map((secret) => ({
      name: secret.name,
      version: secret.version,
      value: openOne(vault, secret),
    })),
    defaults: manifest.defaults ?? {},
    hostKeys: hostKeysIn(deps, instance.id),
    rawSecrets: manifest.requires?.permissions?.includes("secrets:raw") ?? false,
  });
};

/** Name to handle of the secret parameters that the job's action was given. */
export const secretParamsOf = (session: Session): Record<string, string> =>
  Object.fromEntries(
    Object.entries(session.handles)
      .filter(([name]) => name.startsWith(paramPrefix))
      .map(([name, handle]) => [name.slice(paramPrefix.length), handle]),
  );

/** Two jobs show the same stand-ins for different secrets: only the values themselves tell. */
export const sameParams = (vault: Vault, one: Pick<Job, "id" | "sealedInput">, other: typeof one): boolean => {
  const [left, right] = [one, other].map((job) => new Map(paramsOf(job).map((p) => [p.name, openOne(vault, p)])));
  if (left?.size !== right?.size) return false;
  return [...(left ?? [])].every(([name, value]) => right?.get(name) === value);
};
