/** Tokens: make, list, revoke; and who one is. */
import { type Static, Type } from "typebox";
import { SwitchyardError } from "../../errors.ts";
import { announceRevoked } from "../../live/revoked.ts";
import { newId } from "../../model/ids.ts";
import { findInstance } from "../../store/instances.ts";
import { insertToken, listTokens, revokeToken, type Token } from "../../store/tokens.ts";
import type { Unit } from "../../store/unit.ts";
import { notFound } from "../access/access.ts";
import { hashToken, newToken } from "../access/auth.ts";
import { record } from "../access/record.ts";
import type { Api } from "../api.ts";
import { refuse } from "../http/body.ts";
import { short, shortQuery } from "../http/pages.ts";
import { json, noContent } from "../http/reply.ts";
import { type Call, type Route, route } from "../http/route.ts";
import { closed, idParam, list, ref } from "../schemas/common.ts";
import { roleSchema } from "../schemas/things.ts";
import { principalToWire, tokenToWire } from "../wire.ts";

const tag = "tokens";
const body = Type.Object(
  {
    name: Type.String({ minLength: 1, maxLength: 100 }),
    role: roleSchema,
    expires_at: Type.Optional(Type.String({ format: "date-time" })),
    instances: Type.Optional(
      Type.Array(Type.String(), { maxItems: 1000, uniqueItems: true, description: "Ids; absent: all instances" }),
    ),
  },
  closed,
);
type NewToken = Static<typeof body>;

const expiryOf = ({ expires_at }: NewToken, now: number): number | null => {
  if (expires_at === undefined) return null;
  const at = Date.parse(expires_at);
  return at > now ? at : refuse([{ pointer: "/expires_at", message: "expected a time to come, got one that is past" }]);
};

const requireInstances = async (api: Api, ids: readonly string[]): Promise<void> => {
  const unknown = await api.store.read(function* () {
    const places: number[] = [];
    for (const [index, id] of ids.entries()) if (!(yield* findInstance(id))) places.push(index);
    return places;
  });
  if (unknown.length === 0) return;
  refuse(unknown.map((index) => ({ pointer: `/instances/${index}`, message: "expected the id of an instance" })));
};

const create = async (api: Api, call: Call<unknown, unknown, NewToken>): Promise<Response> => {
  const { name, role, instances = null } = call.body;
  const createdAt = api.now();
  const expiresAt = expiryOf(call.body, createdAt);
  if (instances !== null) await requireInstances(api, instances);
  const token = newToken();
  const id = newId("tok", createdAt);
  const row = { id, name, role, hash: hashToken(token), instances, expiresAt, createdAt };
  await api.store.write(function* () {
    yield* insertToken(row);
    yield* record(call, createdAt, { action: "token.create", objectType: "token", objectId: id });
  });
  return json({ ...tokenToWire({ ...row, revokedAt: null }), token }, 201);
};

/** @throws SwitchyardError `last_admin_token`: without it nobody could manage tokens, instances or packs. */
function* requireAnotherAdmin(id: string, now: number): Unit<void> {
  const isAdmin = ({ role, instances, revokedAt, expiresAt }: Token): boolean =>
    role === "admin" && instances === null && revokedAt === null && (expiresAt === null || expiresAt > now);
  const admins = (yield* listTokens()).filter(isAdmin);
  const [last] = admins;
  if (admins.length !== 1 || last?.id !== id) return;
  throw new SwitchyardError("last_admin_token", {
    detail: `${id} (${last.name}) is the last admin token that works: make another one first, or send force=true.`,
  });
}

interface RevokeQuery {
  readonly force?: boolean;
}

const revoke = async (api: Api, call: Call<{ readonly id: string }, RevokeQuery, unknown>): Promise<Response> => {
  const { id } = call.params;
  const now = api.now();
  const isRevokedNow = await api.store.write(function* () {
    if (call.query.force !== true) yield* requireAnotherAdmin(id, now);
    if (!(yield* revokeToken({ id, now }))) return false;
    yield* record(call, now, { action: "token.revoke", objectType: "token", objectId: id });
    return true;
  });
  if (!isRevokedNow) throw notFound("token", id);
  api.auth.forget(id);
  await announceRevoked(api.redis, id).catch((error) => api.log.warn({ err: error }, "revocation not announced"));
  return noContent();
};

export const tokenRoutes = (api: Api): Route[] => [
  route({
    method: "GET",
    path: "/api/tokens",
    access: "admin",
    concernsAll: true,
    tag,
    summary: "All tokens, without what makes them work",
    query: shortQuery,
    answers: { 200: { description: "All of them, or a page", schema: list(ref("Token")) } },
    handle: async ({ query }) => json(short((await api.store.read(() => listTokens())).map(tokenToWire), query)),
  }),
  route({
    method: "POST",
    path: "/api/tokens",
    access: "admin",
    concernsAll: true,
    tag,
    summary: "Make a token; it is shown this once",
    body,
    example: { name: "night shift", role: "operator", expires_at: "2030-01-01T00:00:00Z" },
    answers: { 201: { description: "The token", schema: ref("Token") } },
    handle: (call) => create(api, call),
  }),
  route({
    method: "DELETE",
    path: "/api/tokens/{id}",
    access: "admin",
    concernsAll: true,
    tag,
    summary: "Revoke a token; its open streams end, on every API process",
    params: { id: idParam("Id of the token") },
    query: { force: Type.Optional(Type.Boolean({ default: false, description: "Also the last one of an admin" })) },
    answers: { 204: { description: "It works no longer" } },
    errors: ["not_found", "last_admin_token"],
    handle: (call) => revoke(api, call),
  }),
  route({
    method: "GET",
    path: "/api/whoami",
    access: "viewer",
    tag,
    summary: "Who the caller is",
    answers: { 200: { description: "The caller", schema: ref("Principal") } },
    handle: ({ principal }) => json(principalToWire(principal)),
  }),
];
