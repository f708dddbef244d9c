/** Where this system listens itself: no driver may reach there, whatever an instance's config says. */
import type { Config } from "../config.ts";
import type { Listener } from "../model/address.ts";
import { type Redis, redisPlaces } from "../redis.ts";

const withoutBrackets = (host: string): string => host.replace(/^\[(.*)\]$/, "$1");

const apiPlace = (url: string): Listener[] => {
  if (!URL.canParse(url)) return [];
  const { hostname, port } = new URL(url);
  return [{ host: withoutBrackets(hostname), port: port === "" ? 80 : Number(port) }];
};

/** As the driver of the database reads the URL: what stands in the query goes before what stands in the address. */
const databasePlace = (url: string): Listener[] => {
  if (!/^postgres(ql)?:/.test(url) || !URL.canParse(url)) return [];
  const { hostname, port, searchParams } = new URL(url);
  const asked = searchParams.get("host") || decodeURIComponent(withoutBrackets(hostname));
  // A server on a socket listens beside it on TCP, as a rule.
  const host = asked === "" || asked.startsWith("/") ? "localhost" : asked;
  return [{ host, port: Number(searchParams.get("port") || port || 5432), isForeign: true }];
};

interface OwnPlaces {
  /** What the API says of itself; null while it says nothing. */
  apiUrl(): string | null;
  readonly redisUrl: string;
  readonly redis: Redis;
}

/** The API's address is read anew, since a free port is chosen at its start; Redis' as well, since a master may move. */
export const ownListeners = (config: Config, { apiUrl, redisUrl, redis }: OwnPlaces): (() => readonly Listener[]) => {
  const database = databasePlace(config.databaseUrl);
  return () => [
    ...apiPlace(apiUrl() ?? `http://${config.host}:${config.port}`),
    ...redisPlaces(redisUrl, redis).map(({ host, port }) => ({ host: withoutBrackets(host), port, isForeign: true })),
    ...database,
  ];
};
