/** Tells every API process that a token was revoked, so that it closes that token's open streams. */
import type { Redis } from "../redis.ts";
import { hear } from "./channel.ts";

const channel = "sw:revoked";

export const announceRevoked = async (redis: Redis, tokenId: string): Promise<void> => {
  await redis.publish(channel, tokenId);
};

/** Calls the listener with the id of each revoked token. `subscriber` serves nothing but subscriptions. */
export const onRevoked = (subscriber: Redis, listener: (tokenId: string) => void): (() => void) =>
  hear(subscriber, channel, listener);
