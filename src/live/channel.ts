/** Listens to a channel: words that are lost when nobody hears them. */
import type { Redis } from "../redis.ts";

/** Hears as soon as the server has the subscription, and again after each reconnection. Returns how to stop. */
export const hear = (subscriber: Redis, channel: string, listener: (message: string) => void): (() => void) => {
  const onMessage = (from: string, message: string): void => {
    if (from === channel) listener(message);
  };
  subscriber.on("message", onMessage);
  // It fails only on a connection that is closed for good, where nothing is left to hear.
  subscriber.subscribe(channel).catch(() => undefined);
  return () => void subscriber.off("message", onMessage);
};
