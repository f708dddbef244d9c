/** What handlers stand on: the parts that were handed in, and the few that live as long as this process. */
import { type Auth, createAuth } from "./access/auth.ts";
import type { ApiDeps } from "./deps.ts";
import { createInventoryShelf, type InventoryShelf } from "./inventory/shelf.ts";
import { createFeed, type Feed } from "./streams/feed.ts";
import { createLargeEntries, type LargeEntries } from "./streams/large-entries.ts";
import { createOpenStreams, type OpenStreams } from "./streams/open-streams.ts";

export interface Api extends ApiDeps {
  readonly auth: Auth;
  readonly feed: Feed;
  readonly large: LargeEntries;
  readonly streams: OpenStreams;
  readonly inventory: InventoryShelf;
}

export const createApi = (deps: ApiDeps): Api => {
  const { fanout, metrics, signal, config, now } = deps;
  const auth = createAuth(deps);
  const feed = createFeed(fanout, signal);
  const { maxStreams: limit, maxStreamsPerToken: tokenLimit, keepAliveMs } = config;
  return {
    ...deps,
    auth,
    feed,
    large: createLargeEntries(deps),
    streams: createOpenStreams({ auth, now, metrics, signal, limit, tokenLimit, keepAliveMs }),
    inventory: createInventoryShelf({ ...deps, feed }),
  };
};
