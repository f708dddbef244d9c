/** Tickets: a short-lived stand-in for a token in a URL, good for one connection to one path. */
import { createHash, randomBytes } from "node:crypto";
import type { Principal } from "../model/principal.ts";
import type { Redis } from "../redis.ts";

interface TicketRequest {
  /** What it opens. */
  readonly path: string;
  readonly principal: Principal;
  readonly ttlMs: number;
}

/** Only a hash is kept, bound to the path: another path does not find it, and leaves it unused. */
const key = (ticket: string, path: string): string =>
  `sw:ticket:${createHash("sha256").update(ticket).update("\0").update(path).digest("base64url")}`;

export const makeTicket = async (redis: Redis, { path, principal, ttlMs }: TicketRequest): Promise<string> => {
  const ticket = randomBytes(32).toString("base64url");
  await redis.set(key(ticket, path), JSON.stringify(principal), "PX", ttlMs);
  return ticket;
};

/** Who made the ticket; undefined when it is unknown, used, expired, or for another path. It is used up by this. */
export const takeTicket = async (redis: Redis, ticket: string, path: string): Promise<Principal | undefined> => {
  const text = await redis.getdel(key(ticket, path));
  return text === null ? undefined : (JSON.parse(text) as Principal);
};
