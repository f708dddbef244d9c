/** Failed authentications: counted per network, and what an address that failed too often may still do. */
import { isIP, isIPv4 } from "node:net";
import { countFailure } from "../../live/counters.ts";
import { unwrapAddress } from "../../model/address.ts";
import type { Redis } from "../../redis.ts";

const windowMs = 60_000;
const most = 30;
const maxKept = 10_000;

export interface Failures {
  /** Counts one more; whether there are too many by now. */
  count(address: string): Promise<boolean>;
  /**
   * Whether this token is not even to be looked up for this address: too many failed there, and the token was not
   * accepted from there before. Otherwise the answers would tell a guesser which guess was right.
   */
  isShut(address: string, tokenHash: string): boolean;
  /** The token was accepted from there. */
  accept(address: string, tokenHash: string): void;
}

/** Who has one IPv6 address has its whole /64. */
const networkOf = (address: string): string => {
  if (isIP(address) === 0) return address;
  const plain = unwrapAddress(address);
  return isIPv4(plain) ? plain : plain.split(":").slice(0, 4).join(":");
};

/** Counted in Redis for all API processes, and here, for when Redis is away. */
export const createFailures = ({ redis, now }: { readonly redis: Redis; readonly now: () => number }): Failures => {
  const counts = new Map<string, { count: number; until: number }>();
  const accepted = new Set<string>();
  const entryOf = (network: string): { count: number; until: number } => {
    const seen = counts.get(network);
    if (seen !== undefined && seen.until > now()) return seen;
    if (counts.size >= maxKept) counts.clear();
    const fresh = { count: 0, until: now() + windowMs };
    counts.set(network, fresh);
    return fresh;
  };
  return {
    count: async (address) => {
      const network = networkOf(address);
      const entry = entryOf(network);
      entry.count += 1;
      if (entry.count > most) return true;
      const everywhere = await countFailure(redis, network, windowMs).catch(() => 0);
      entry.count = Math.max(entry.count, everywhere);
      return entry.count > most;
    },
    isShut: (address, tokenHash) => {
      const network = networkOf(address);
      const seen = counts.get(network);
      const isOver = seen !== undefined && seen.until > now() && seen.count > most;
      return isOver && !accepted.has(`${network} ${tokenHash}`);
    },
    accept: (address, tokenHash) => {
      if (accepted.size >= maxKept) accepted.clear();
      accepted.add(`${networkOf(address)} ${tokenHash}`);
    },
  };
};
