/** The set of clients a driver holds, one per endpoint of its instance. */
import { DriverError } from "./driver-error.ts";
import { type Ask, createHttpClient, type HttpClient } from "./http-client.ts";
import { createSnmpClient, type SnmpClient } from "./snmp-client.ts";
import { createSshClient, type SshClient } from "./ssh-client.ts";
import { createTcpClient, type TcpClient } from "./tcp-client.ts";

/** The clients by kind of transport. */
interface ClientKinds {
  readonly http: HttpClient;
  readonly ssh: SshClient;
  readonly snmp: SnmpClient;
  readonly tcp: TcpClient;
}
type KindName = keyof ClientKinds;

/** `http` is the endpoint that the manifest calls `http`, and so on. */
export interface TransportClients extends ClientKinds {
  /** A named endpoint of the manifest, such as `http.legacy`. */
  named<K extends KindName>(name: K | `${K}.${string}`): ClientKinds[K];
}

const factories: { readonly [K in KindName]: (ask: Ask, transport: string) => ClientKinds[K] } = {
  http: createHttpClient,
  ssh: createSshClient,
  snmp: createSnmpClient,
  tcp: createTcpClient,
};

const isKind = (name: string): name is KindName => Object.hasOwn(factories, name);

/** Clients whose every request is an operation asked from the runner. */
export const createTransportClients = (ask: Ask): TransportClients => {
  const named = (name: string): ClientKinds[KindName] => {
    const kind = name.split(".", 1)[0] ?? "";
    if (isKind(kind)) return factories[kind](ask, name);
    const kinds = Object.keys(factories);
    throw new DriverError(
      "driver_failed",
      `Expected a transport named ${kinds.join(", ")} or ${kinds[0]}.<name>, got "${name}".`,
    );
  };
  return {
    http: createHttpClient(ask, "http"),
    ssh: createSshClient(ask, "ssh"),
    snmp: createSnmpClient(ask, "snmp"),
    tcp: createTcpClient(ask, "tcp"),
    named: named as TransportClients["named"],
  };
};
