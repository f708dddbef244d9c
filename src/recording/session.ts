/** A session for one run of a driver without a store: with the network, or with nothing behind it. */
import { lookup } from "node:dns/promises";
import { networkInterfaces } from "node:os";
import { SwitchyardError } from "../errors.ts";
import { silentLog } from "../log.ts";
import { type Binding, bind } from "../model/binding.ts";
import { type Endpoint, originOf } from "../model/endpoint.ts";
import type { JsonObject } from "../model/json.ts";
import type { Manifest } from "../model/manifest.ts";
import type { NamedSecret } from "../model/redact.ts";
import type { BoundInstance, Session } from "../transports/contract.ts";
import { createMeter } from "../transports/meter.ts";
import { createSecretBook, type SecretBook } from "../transports/secrets.ts";
import { createSession } from "../transports/session.ts";
import { createWarm, type Warm } from "../transports/warm.ts";
import { type Resolve, type Surroundings, usualLinkTimes } from "../transports/wire.ts";

/** What one run knows of its instance. */
export interface RunFacts {
  readonly manifest: Manifest;
  readonly config: JsonObject;
  readonly secrets: readonly NamedSecret[];
  readonly now: () => number;
}

/** A session and what it is made of. */
export interface OpenSession {
  readonly session: Session;
  readonly binding: Binding;
  readonly book: SecretBook;
  readonly warm: Warm;
  readonly around: Surroundings;
  /** Cuts every connection. */
  close(): void;
}

const resolveName: Resolve = (host) => lookup(host, { all: true, verbatim: true });
const addresses = (): readonly string[] =>
  Object.values(networkInterfaces()).flatMap((list = []) => list.map(({ address }) => address));

const open = ({ manifest, secrets, now }: RunFacts, binding: Binding, resolve: Resolve): OpenSession => {
  const instance: BoundInstance = {
    instanceId: "ins_authoring",
    key: "authoring",
    binding,
    secrets: secrets.map((secret) => ({ ...secret, version: 1 })),
    defaults: manifest.defaults ?? {},
    rawSecrets: manifest.requires?.permissions?.includes("secrets:raw") ?? false,
  };
  const around: Surroundings = {
    now,
    log: silentLog,
    resolve,
    ownListeners: () => [],
    localAddresses: addresses,
    meter: createMeter(),
    linkTimes: usualLinkTimes,
  };
  const book = createSecretBook(instance);
  const warm = createWarm(book, around);
  const life = new AbortController();
  const session = createSession({ instance, warm, around, life: () => life.signal });
  const close = (): void => {
    life.abort(new SwitchyardError("job_cancelled", { detail: "The run is over." }));
    warm.cut();
  };
  return { session, binding, book, warm, around, close };
};

const bindingOf = ({ manifest, config, secrets }: RunFacts): Binding =>
  bind({ manifest, config, secretNames: secrets.map(({ name }) => name) });

/** Reaches the device that the config names. @throws SwitchyardError `config_invalid`. */
export const openRealSession = (facts: RunFacts): OpenSession => open(facts, bindingOf(facts), resolveName);

/** The same session, its endpoints somewhere else. `resolve` answers for every name. */
export const openMovedSession = (
  facts: RunFacts,
  move: (endpoint: Endpoint) => Endpoint,
  resolve: Resolve,
): OpenSession => {
  const binding = bindingOf(facts);
  const moved = (one: Endpoint): Endpoint => {
    const there = move(one);
    // A driver goes on to name the device as its config does.
    return there.kind === "http" && one.kind === "http" ? { ...there, knownAs: originOf(one) } : there;
  };
  const endpoints = Object.fromEntries(Object.entries(binding.endpoints).map(([name, one]) => [name, moved(one)]));
  return open(facts, { ...binding, endpoints }, resolve);
};

/** Reaches nothing: every endpoint has a name that nobody resolves. */
export const openDeadSession = (facts: RunFacts): OpenSession =>
  openMovedSession(
    facts,
    (endpoint) => ({ ...endpoint, host: "recording.invalid" }),
    () => Promise.reject(Object.assign(new Error("a replay has no network"), { code: "ENOTFOUND" })),
  );
