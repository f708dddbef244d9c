/** Where this system listens itself: no driver may reach there, whatever an instance's config says. */
import type { Config } from "../config.ts";
import type { Parts } from "./parts.ts";

export interface Listener {
  readonly host: string;
  readonly port: number;
}

const addressOf = (url: string | null, fallbackPort: number): Listener[] => {
  if (url === null || !URL.canParse(url)) return [];
  const { hostname, port } = new URL(url);
  return hostname === "" ? [] : [{ host: hostname, port: port === "" ? fallbackPort : Number(port) }];
};

/** The API's address is read anew, since a free port is chosen at its start. */
export const ownListeners = (config: Config, parts: Parts, apiUrl: () => string | null) => (): readonly Listener[] => [
  ...addressOf(apiUrl() ?? `http://${config.host}:${config.port}`, 80),
  ...addressOf(parts.redisUrl, 6379),
  ...addressOf(config.databaseUrl, 5432),
];
