/** The secrets of one instance as its calls see them: handles outside, values inside. */
import { randomBytes } from "node:crypto";
import { SwitchyardError } from "../errors.ts";
import type { Binding } from "../model/binding.ts";
import { makeHandle, minSecretLength } from "../model/handle.ts";
import { createPutBack, createRedactor, type NamedSecret, type Redactor } from "../model/redact.ts";
import type { HandleBook } from "../model/step.ts";
import { fill, type Rendered } from "../model/template.ts";

/** Most login values and cookies that one session keeps, the newest: each is searched for in all that comes after it. */
const maxSessionValues = 64;

export interface SecretBook extends HandleBook {
  /** Secret name to what the driver holds: a handle, or the value itself with `secrets:raw`. */
  readonly handles: Readonly<Record<string, string>>;
  /** @throws SwitchyardError `secret_unreadable` when the instance has no such secret. */
  valueOf(name: string): string;
  /** The value behind a login value's or cookie's handle. */
  sessionValue(handle: string): string | undefined;
  /** Makes a value that came from the device a secret of this session; returns its handle. */
  learn(name: string, value: string): string;
  /** Puts handles in the place of values, for what a driver reads. */
  putBack: Redactor;
  /** Puts `[secret:name]` in the place of values and handles, for what people read. */
  redact: Redactor;
}

const filled = (rendered: Rendered, read: (name: string) => string): string =>
  fill(rendered, (kind, name) => (kind === "secret" ? read(name) : `{login:${name}}`));

/** Templates around a secret too short to be searched for, and encoded credentials: secrets as they are sent. */
const renderedSecrets = (binding: Binding, read: (name: string) => string): readonly NamedSecret[] =>
  Object.values(binding.endpoints).flatMap((endpoint) => {
    if (endpoint.kind !== "http") return [];
    const templates = [
      ...Object.values(endpoint.headers),
      ...Object.values(endpoint.writeHeaders),
      endpoint.basic ?? [],
    ];
    return templates.flatMap((rendered) => {
      const secret = rendered.find((part) => "secret" in part);
      if (secret === undefined || !("secret" in secret)) return [];
      const value = filled(rendered, read);
      const encoded = { name: secret.secret, value: Buffer.from(value).toString("base64") };
      const isShort = read(secret.secret).length < minSecretLength;
      return [...(isShort ? [{ name: secret.secret, value }] : []), ...(rendered === endpoint.basic ? [encoded] : [])];
    });
  });

interface BookFacts {
  readonly binding: Binding;
  readonly secrets: readonly NamedSecret[];
  readonly rawSecrets: boolean;
}

export const createSecretBook = ({ binding, secrets, rawSecrets }: BookFacts): SecretBook => {
  const values = new Map(secrets.map(({ name, value }) => [name, value]));
  const longEnough = secrets.filter(({ value }) => value.length >= minSecretLength);
  const handleOf = new Map(longEnough.map(({ name }) => [name, makeHandle(randomBytes(16).toString("hex"))]));
  const nameOf = new Map([...handleOf].map(([name, handle]) => [handle, name]));
  const session = new Map<string, NamedSecret>();
  const read = (name: string): string => {
    const value = values.get(name);
    if (value !== undefined) return value;
    throw new SwitchyardError("secret_unreadable", { detail: `The instance has no secret "${name}": set it.` });
  };
  const known = [...secrets, ...renderedSecrets(binding, read)];
  const shownAs = (name: string): string | undefined => (rawSecrets ? values.get(name) : handleOf.get(name));
  const maskName = (handle: string): string | undefined => nameOf.get(handle) ?? session.get(handle)?.name;
  let redact = createRedactor(known, maskName);
  let putBack = createPutBack(known, shownAs);
  const learn = (name: string, value: string): string => {
    for (const [handle, kept] of session) if (kept.name === name && kept.value === value) return handle;
    const oldest = session.size >= maxSessionValues ? session.keys().next().value : undefined;
    if (oldest !== undefined) session.delete(oldest);
    const handle = makeHandle(randomBytes(16).toString("hex"));
    session.set(handle, { name, value });
    const byName = new Map([...session].map(([key, kept]) => [kept.name, key]));
    const all = [...known, ...session.values()];
    redact = createRedactor(all, maskName);
    putBack = createPutBack(all, (wanted) => shownAs(wanted) ?? byName.get(wanted));
    return handle;
  };
  return {
    handles: rawSecrets ? Object.fromEntries(values) : Object.fromEntries(handleOf),
    secretOf: (handle) => nameOf.get(handle),
    isSessionValue: (handle) => session.has(handle),
    sessionValue: (handle) => session.get(handle)?.value,
    valueOf: read,
    learn,
    putBack: (text) => putBack(text),
    redact: (text) => redact(text),
  };
};
