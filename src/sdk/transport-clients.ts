/** The set of clients a driver holds, one per endpoint of its instance. */
import { DriverError } from "./driver-error.ts";
import { type Ask, createHttpClient, type HttpClient } from "./http-client.ts";
import { createTcpClient, type TcpClient } from "./tcp-client.ts";

export interface TransportClients {
  /** The endpoint that the manifest calls `http`. */
  readonly http: HttpClient;
  /** The endpoint that the manifest calls `tcp`. */
  readonly tcp: TcpClient;
  /** A named endpoint of the manifest, such as `http.legacy`. */
  named(name: "http" | `http.${string}`): HttpClient;
  named(name: "tcp" | `tcp.${string}`): TcpClient;
}

const factories: Readonly<Record<string, (ask: Ask, transport: string) => HttpClient | TcpClient>> = {
  http: createHttpClient,
  tcp: createTcpClient,
};

/** Clients whose every request is an operation asked from the runner. */
export const createTransportClients = (ask: Ask): TransportClients => {
  const named = (name: string): HttpClient | TcpClient => {
    const kind = name.split(".", 1)[0] ?? "";
    const create = Object.hasOwn(factories, kind) ? factories[kind] : undefined;
    if (create === undefined) {
      throw new DriverError("driver_failed", `Expected a transport named http, tcp, http.* or tcp.*, got "${name}".`);
    }
    return create(ask, name);
  };
  return {
    http: createHttpClient(ask, "http"),
    tcp: createTcpClient(ask, "tcp"),
    named: named as TransportClients["named"],
  };
};
