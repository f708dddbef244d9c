/** Tokens: who is behind a request. Only hashes are stored; what is known is kept for a moment. */
import { hash, randomBytes } from "node:crypto";
import { SwitchyardError } from "../../errors.ts";
import { onRevoked } from "../../live/revoked.ts";
import type { Log } from "../../log.ts";
import type { Principal } from "../../model/principal.ts";
import type { Redis } from "../../redis.ts";
import type { Store } from "../../store/store.ts";
import { findTokenByHash, isOver } from "../../store/tokens.ts";
import { createFailures } from "./failures.ts";

/** How long a token is trusted without another look: a revocation message makes it shorter, a lost one no longer. */
const trustMs = 2_000;
const maxKnown = 10_000;

/** Tokens are compared by this hash only, so that the time of a comparison says nothing about the token. */
export const hashToken = (token: string): string => hash("sha256", token);

/** A token as it is shown once: 256 random bits. */
export const newToken = (): string => `swt_${randomBytes(32).toString("base64url")}`;

interface Known {
  readonly principal: Principal;
  readonly expiresAt: number | null;
  readonly until: number;
}

export interface Auth {
  /**
   * The principal of a request.
   * @throws SwitchyardError `unauthorized`, or `rate_limited` after too many failures from one address.
   */
  identify(header: string | undefined, address: string): Promise<Principal>;
  /** Counts a failed attempt that was not made with a header (a ticket). */
  fail(error: SwitchyardError, address: string): Promise<never>;
  /** Whether a principal of an open stream may still look. */
  isValid(principal: Principal): Promise<boolean>;
  /** Trusts this token no longer, here and now. */
  forget(tokenId: string): void;
  onRevoked(listener: (tokenId: string) => void): void;
}

interface AuthDeps {
  readonly store: Store;
  readonly redis: Redis;
  readonly subscriber: Redis;
  readonly now: () => number;
  readonly log: Log;
}

const bearer = /^Bearer ([\x21-\x7e]{1,512})$/i;

const tooMany = (): SwitchyardError =>
  new SwitchyardError("rate_limited", { detail: "Too many failed authentications. Try again in a minute." });

const unauthorized = (): SwitchyardError =>
  new SwitchyardError("unauthorized", {
    detail: "Expected the header Authorization: Bearer <token> with a token that is known, not expired, not revoked.",
  });

const createLookup = ({ store, now }: AuthDeps, known: Map<string, Known>) => {
  const remember = (hash: string, entry: Known): Known => {
    if (known.size >= maxKnown) known.clear();
    known.set(hash, entry);
    return entry;
  };
  return async (hash: string): Promise<Known | undefined> => {
    const seen = known.get(hash);
    if (seen && seen.until > now()) return seen;
    known.delete(hash);
    const token = await store.read(() => findTokenByHash(hash));
    if (!token || token.revokedAt !== null) return undefined;
    const { id, name, role, instances, expiresAt } = token;
    const principal: Principal = { kind: "token", id, name, role, instances };
    return remember(hash, { principal, expiresAt, until: now() + trustMs });
  };
};

export const createAuth = (deps: AuthDeps): Auth => {
  const { now, log } = deps;
  const known = new Map<string, Known>();
  const hashes = new Map<string, string>();
  const listeners = new Set<(tokenId: string) => void>();
  const failures = createFailures(deps);
  const lookUp = createLookup(deps, known);
  const isLive = (entry: Known | undefined): entry is Known =>
    entry !== undefined && (entry.expiresAt === null || entry.expiresAt > now());

  const fail = async (error: SwitchyardError, address: string): Promise<never> => {
    throw (await failures.count(address)) ? tooMany() : error;
  };
  const forget = (tokenId: string): void => {
    const hash = hashes.get(tokenId);
    if (hash !== undefined) known.delete(hash);
    for (const listener of listeners) listener(tokenId);
  };
  onRevoked(deps.subscriber, (tokenId) => {
    log.info({ token_id: tokenId }, "token revoked");
    forget(tokenId);
  });
  return {
    identify: async (header, address) => {
      const token = bearer.exec(header ?? "")?.[1];
      if (token === undefined) return fail(unauthorized(), address);
      const hash = hashToken(token);
      if (failures.isShut(address, hash)) return fail(tooMany(), address);
      const entry = await lookUp(hash);
      if (!isLive(entry)) return fail(unauthorized(), address);
      if (hashes.size >= maxKnown) hashes.clear();
      hashes.set(entry.principal.id, hash);
      failures.accept(address, hash);
      return entry.principal;
    },
    fail,
    isValid: async ({ id }) => {
      const hash = hashes.get(id);
      // Of a ticket's holder this process may never have seen the token.
      if (hash !== undefined) return isLive(await lookUp(hash));
      return !(await deps.store.read(() => isOver({ id, now: now() })));
    },
    forget,
    onRevoked: (listener) => {
      listeners.add(listener);
    },
  };
};
