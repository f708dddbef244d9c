/** Listens to a channel: words that are lost when nobody hears them. */
import type { Redis } from "../redis.ts";

/** Resolves when the server has the subscription, which lasts across reconnections. Its value ends the listening. */
export const hear = async (
  subscriber: Redis,
  channel: string,
  listener: (message: string) => void,
): Promise<() => void> => {
  const onMessage = (from: string, message: string): void => {
    if (from === channel) listener(message);
  };
  subscriber.on("message", onMessage);
  await subscriber.subscribe(channel);
  return () => void subscriber.off("message", onMessage);
};
