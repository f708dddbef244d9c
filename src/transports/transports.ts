/** The runner's transports: sessions for instances, connections kept warm between them, all cut when the lease is lost. */
import { lookup } from "node:dns/promises";
import { networkInterfaces } from "node:os";
import { SwitchyardError } from "../errors.ts";
import type { Log } from "../log.ts";
import type { Listener } from "../model/address.ts";
import type { BoundInstance, Session } from "./contract.ts";
import { createMeter } from "./meter.ts";
import { createSecretBook } from "./secrets.ts";
import { createSession } from "./session.ts";
import { createWarm, type Warm } from "./warm.ts";
import type { Resolve, Surroundings } from "./wire.ts";

export type { BoundInstance, Door, DoorEvent, Grant, Journal, Session } from "./contract.ts";

export interface TransportsDeps {
  readonly now: () => number;
  readonly log: Log;
  /** Where our own servers listen: no instance may reach them. */
  readonly ownListeners: () => readonly Listener[];
  readonly resolve?: Resolve;
}

export interface Transports {
  open(instance: BoundInstance): Session;
  /** The lease is lost: nothing passes any more, connections are cut. */
  shut(): void;
  reopen(): void;
  close(): Promise<void>;
  readonly inFlightBytes: number;
}

/** Unused for this long, the connections of an instance are let go: longer than any request may take. */
const idleMs = 15 * 60_000;
/** What is remembered of instances that are not in use: refused logins, above all. */
const maxRemembered = 5_000;

const localAddresses = (): readonly string[] =>
  Object.values(networkInterfaces()).flatMap((addresses = []) => addresses.map(({ address }) => address));

const resolveName: Resolve = (host) => lookup(host, { all: true, verbatim: true });

const leaseLost = (): SwitchyardError =>
  new SwitchyardError("internal", { detail: "This worker lost its lease: its connections were cut." });

/** Endpoints are part of the key: another release of the pack may bind the same config differently. */
const warmKey = ({ instanceId, key, binding, rawSecrets }: BoundInstance): string =>
  `${instanceId} ${key} ${rawSecrets} ${JSON.stringify(binding.endpoints)}`;

export const createTransports = (deps: TransportsDeps): Transports => {
  const meter = createMeter();
  const around: Surroundings = { ...deps, resolve: deps.resolve ?? resolveName, localAddresses, meter };
  const warm = new Map<string, Warm>();
  let life = new AbortController();

  const letGo = (): void => {
    const before = deps.now() - idleMs;
    for (const [key, entry] of warm) {
      if (entry.usedAt > before) continue;
      entry.cut();
      if (entry.logins.size === 0 || warm.size > maxRemembered) warm.delete(key);
    }
  };

  const warmFor = (instance: BoundInstance): Warm => {
    const key = warmKey(instance);
    const known = warm.get(key) ?? createWarm(createSecretBook(instance), around);
    warm.set(key, known);
    return known;
  };

  const shut = (): void => {
    life.abort(leaseLost());
    for (const entry of warm.values()) entry.cut();
  };

  return {
    open: (instance) => {
      letGo();
      return createSession({ instance, warm: warmFor(instance), around, life: () => life.signal });
    },
    shut,
    reopen: () => {
      if (life.signal.aborted) life = new AbortController();
    },
    close: async () => {
      shut();
      warm.clear();
    },
    get inFlightBytes() {
      return meter.bytes;
    },
  };
};
