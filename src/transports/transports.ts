/** The runner's transports: sessions for instances, connections kept warm between them, all cut when the lease is lost. */
import { lookup } from "node:dns/promises";
import { networkInterfaces } from "node:os";
import { SwitchyardError } from "../errors.ts";
import type { Log } from "../log.ts";
import type { Listener } from "../model/address.ts";
import type { BoundInstance, Session } from "./contract.ts";
import { createMeter, type Meter } from "./meter.ts";
import { createSecretBook } from "./secrets.ts";
import { createSession } from "./session.ts";
import { createNewest, createWarm, type Warm } from "./warm.ts";
import { type LinkTimes, type Resolve, type Surroundings, usualLinkTimes } from "./wire.ts";

export type { BoundInstance, Door, DoorEvent, Grant, Journal, Session } from "./contract.ts";

export interface TransportsDeps {
  readonly now: () => number;
  readonly log: Log;
  /** Where our own servers listen: no instance may reach them. */
  readonly ownListeners: () => readonly Listener[];
  readonly resolve?: Resolve;
  /** Shared with whoever else holds answers; default: one of its own. */
  readonly meter?: Meter;
  readonly linkTimes?: Partial<LinkTimes>;
}

export interface Transports {
  /** The session that was opened under this key, while it is remembered: its secrets need not be opened again. */
  opened(key: string): Session | undefined;
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

/** How often is looked for what has been idle for too long. */
const lookMs = 60_000;

interface Opened {
  readonly instanceId: string;
  /** Under which its connections are kept: another session's key when it shares that one's. */
  readonly warmKey: string;
  readonly warm: Warm;
  readonly session: Session;
}

export const createTransports = (deps: TransportsDeps): Transports => {
  const { meter = createMeter() } = deps;
  const linkTimes = { ...usualLinkTimes, ...deps.linkTimes };
  const around: Surroundings = { ...deps, resolve: deps.resolve ?? resolveName, localAddresses, meter, linkTimes };
  const known = new Map<string, Opened>();
  const newest = createNewest((key) => known.get(key)?.warm);
  let life = new AbortController();
  let lookedAt = deps.now();

  const letGoOfIdle = (): void => {
    for (const [key, { warm }] of known) {
      if (warm.usedAt > lookedAt - idleMs) continue;
      warm.cut();
      if (warm.logins.size === 0 || known.size > maxRemembered) known.delete(key);
    }
    newest.forgetGone();
  };

  const letGo = (): void => {
    if (deps.now() - lookedAt < lookMs) return;
    lookedAt = deps.now();
    letGoOfIdle();
  };

  const open = (instance: BoundInstance): Session => {
    letGo();
    const { instanceId, key, hostKeys, sharesWith = key } = instance;
    const shared = sharesWith === key ? undefined : known.get(sharesWith)?.warm;
    const more = { ...(hostKeys === undefined ? {} : { hostKeys }), ...(shared === undefined ? {} : { shared }) };
    const warm = known.get(key)?.warm ?? createWarm(createSecretBook(instance), around, more);
    const session = createSession({ instance, warm, around, life: () => life.signal });
    const opened = { instanceId, warmKey: shared === undefined ? key : sharesWith, warm, session };
    known.set(key, opened);
    newest.prefer(opened);
    return session;
  };

  const shut = (): void => {
    life.abort(leaseLost());
    for (const { warm } of known.values()) warm.cut();
  };

  return {
    opened: (key) => {
      letGo();
      const found = known.get(key);
      if (found !== undefined) newest.prefer(found);
      return found?.session;
    },
    open,
    shut,
    reopen: () => {
      if (life.signal.aborted) life = new AbortController();
    },
    close: async () => {
      shut();
      known.clear();
      newest.forgetGone();
    },
    get inFlightBytes() {
      return meter.bytes;
    },
  };
};
