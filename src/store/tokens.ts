/** Tokens: who may do what. Of a token itself only the hash is kept. */
import type { Role } from "../model/principal.ts";
import { codec } from "./codec.ts";
import { query, run, runOne } from "./query.ts";
import type { TokensTable } from "./tables.ts";
import type { Unit } from "./unit.ts";

export interface Token {
  readonly id: string;
  readonly name: string;
  readonly role: Role;
  /** The instances that the token sees; null: all. */
  readonly instances: readonly string[] | null;
  readonly expiresAt: number | null;
  readonly createdAt: number;
  readonly revokedAt: number | null;
}

type HashedToken = Token & { readonly hash: string };

const tokens = codec<HashedToken, TokensTable>({
  id: "plain",
  name: "plain",
  role: "plain",
  hash: "plain",
  instances: "json",
  expiresAt: "plain",
  createdAt: "plain",
  revokedAt: "plain",
});

const tokenOf = (row: TokensTable): Token => {
  const { hash, ...token } = tokens.decode(row);
  return token;
};

const select = () => query.selectFrom("tokens").selectAll();

/** Makes a token; one with the same hash stays as it is. */
export function* insertToken(token: Omit<HashedToken, "revokedAt">): Unit<void> {
  yield* run(
    query
      .insertInto("tokens")
      .values(tokens.encode({ ...token, revokedAt: null }))
      .onConflict((conflict) => conflict.column("hash").doNothing()),
  );
}

/** The token with this hash, also when it is revoked or expired: the caller decides what that means. */
export function* findTokenByHash(hash: string): Unit<Token | undefined> {
  const row = yield* runOne(select().where("hash", "=", hash));
  return row === undefined ? undefined : tokenOf(row);
}

export function* findToken(id: string): Unit<Token | undefined> {
  const row = yield* runOne(select().where("id", "=", id));
  return row === undefined ? undefined : tokenOf(row);
}

/** All tokens, the newest first, the revoked ones too. */
export function* listTokens(): Unit<Token[]> {
  return (yield* run(select().orderBy("created_at", "desc").orderBy("id", "desc"))).rows.map(tokenOf);
}

/** False when the token does not exist or is revoked already. */
export function* revokeToken({ id, now }: { readonly id: string; readonly now: number }): Unit<boolean> {
  const { changes } = yield* run(
    query.updateTable("tokens").set({ revoked_at: now }).where("id", "=", id).where("revoked_at", "is", null),
  );
  return changes > 0;
}

/** Whether a token opens nothing any more: revoked, expired or not there. */
export function* isOver({ id, now }: { readonly id: string; readonly now: number }): Unit<boolean> {
  const token = yield* findToken(id);
  if (token === undefined || token.revokedAt !== null) return true;
  return token.expiresAt !== null && token.expiresAt <= now;
}

/**
 * Forgets tokens that ended by themselves before; returns how many. A revoked one without an end stays: its hash is
 * what keeps it from coming back.
 */
export function* pruneTokens({ before, limit }: { readonly before: number; readonly limit: number }): Unit<number> {
  const due = query.selectFrom("tokens").select("id").where("expires_at", "<", before).limit(limit);
  return (yield* run(query.deleteFrom("tokens").where("id", "in", due))).changes;
}
