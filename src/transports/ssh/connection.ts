/** Opens one ssh connection: dialled by us, its host key judged before anything secret is sent, then logged in. */
import { isIP } from "node:net";
import type { Duplex } from "node:stream";
import type { Algorithms, AnyAuthMethod, AuthenticationType, Client, ConnectConfig, NextAuthHandler } from "ssh2";
import { SwitchyardError } from "../../errors.ts";
import { refusedAddress } from "../../model/address.ts";
import type { SshEndpoint } from "../../model/endpoint.ts";
import type { HostKeys } from "../contract.ts";
import { dial } from "../dial.ts";
import type { SecretBook } from "../secrets.ts";
import type { Surroundings } from "../wire.ts";
import { lateWay, placeName, refusedLogin, type SshPlace, sshConnectFailure } from "./failures.ts";
import { hearGreeting } from "./greeting.ts";
import { judgeHostKey, type KeyRules, keyAlgorithms, trustedTypes } from "./host-key.ts";
import { inTime, withSignal } from "./in-time.ts";
import { type Credentials, checkPrivateKey, credentialsOf, planLogin } from "./login.ts";

export interface SshConnection {
  readonly client: Client;
  readonly isDown: boolean;
  /** Called once when the connection is gone; answers how to be forgotten. */
  onDown(listener: () => void): () => void;
  /** Says goodbye and closes. */
  end(): void;
}

export interface ConnectDeps {
  readonly around: Surroundings;
  readonly secrets: SecretBook;
  readonly hostKeys: HostKeys;
  /** Ends the attempt, and nothing after it. */
  readonly signal: AbortSignal;
  readonly timeoutMs: number;
}

const goodbyeMs = 2_000;

/** Algorithms that are broken; a device that knows no others is spoken to only if its instance allows it. */
const legacy: Algorithms = {
  kex: {
    append: ["diffie-hellman-group-exchange-sha1", "diffie-hellman-group14-sha1", "diffie-hellman-group1-sha1"],
    prepend: [],
    remove: [],
  },
  cipher: { append: ["aes256-cbc", "aes192-cbc", "aes128-cbc", "3des-cbc"], prepend: [], remove: [] },
  hmac: { append: ["hmac-sha1", "hmac-sha1-96", "hmac-md5"], prepend: [], remove: [] },
};

interface Hop {
  readonly place: SshPlace;
  readonly rules: KeyRules;
  readonly credentials: Credentials;
  readonly allowsLegacy: boolean;
  /** Key types to ask for first, and whether others may follow. */
  readonly types: readonly string[];
}

const configOf = (hop: Hop, sock: Duplex, { timeoutMs, around }: ConnectDeps): ConnectConfig => ({
  sock,
  username: hop.credentials.username,
  readyTimeout: timeoutMs,
  keepaliveInterval: around.linkTimes.keepAliveMs,
  keepaliveCountMax: 3,
  algorithms: {
    ...(hop.allowsLegacy ? legacy : {}),
    serverHostKey: [...keyAlgorithms(hop.types, hop.allowsLegacy)] as NonNullable<Algorithms["serverHostKey"]> &
      string[],
  },
});

const wrap = (client: Client, sock: Duplex): SshConnection => {
  let isDown = sock.destroyed;
  const listeners = new Set<() => void>();
  const down = (): void => {
    if (isDown) return;
    isDown = true;
    for (const listener of listeners) listener();
    listeners.clear();
  };
  // Before the client's own: a channel that ends with the connection must find it down.
  sock.prependListener("close", down).prependListener("end", down);
  client.on("close", down);
  return {
    client,
    get isDown() {
      return isDown;
    },
    onDown: (listener) => {
      if (isDown) listener();
      else listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    end: () => {
      client.end();
      setTimeout(() => sock.destroy(), goodbyeMs).unref();
    },
  };
};

/** Speaks ssh on an open stream. @throws SwitchyardError with the cause; the stream is closed then. */
const handshake = async (hop: Hop, sock: Duplex, deps: ConnectDeps): Promise<SshConnection> => {
  const { default: ssh2 } = await import("ssh2");
  checkPrivateKey(hop.credentials, ssh2.utils.parseKey as (key: string, passphrase?: string) => unknown);
  const client = new ssh2.Client();
  const connection = wrap(client, sock);
  const login = planLogin(hop.credentials);
  const ready = Promise.withResolvers<void>();
  const greeting = hearGreeting(sock, {
    place: hop.place,
    timeoutMs: deps.timeoutMs,
    onStranger: ready.reject,
  });
  const onCut = (): void => ready.reject(deps.signal.reason);
  const failed = (thrown: unknown): void => {
    const isRefused = (thrown as { level?: string }).level === "client-authentication";
    const cause = (): SwitchyardError => greeting.failure(thrown) ?? sshConnectFailure(thrown, hop.place);
    ready.reject(isRefused ? refusedLogin(hop.place, login.tried) : cause());
  };
  client
    .on("ready", ready.resolve)
    .on("error", failed)
    .on("close", () => failed(new Error("closed")));
  deps.signal.addEventListener("abort", onCut, { once: true });
  if (deps.signal.aborted) onCut();
  try {
    client.connect({
      ...configOf(hop, sock, deps),
      hostVerifier: (key: Buffer, verify: (isTrusted: boolean) => void): void => {
        judgeHostKey(key, hop.place, hop.rules, deps.hostKeys).then(
          () => verify(true),
          (thrown: unknown) => {
            ready.reject(thrown);
            verify(false);
          },
        );
      },
      authHandler: (left: AuthenticationType[], isPartial: boolean, next: NextAuthHandler): void =>
        next(login.next(left, isPartial) as AnyAuthMethod),
    });
    await ready.promise;
    return connection;
  } catch (thrown) {
    client.destroy();
    sock.destroy();
    throw sshConnectFailure(thrown, hop.place);
  } finally {
    deps.signal.removeEventListener("abort", onCut);
  }
};

/** Where a stream to a place comes from: our own dial, or a jump host's. */
type OpenStream = () => Promise<Duplex>;

const isOtherKey = (thrown: unknown): boolean =>
  thrown instanceof SwitchyardError && thrown.code === "host_key_mismatch";

/**
 * A device has several keys and shows one: a pinned key whose type is not known yet is asked for by each type in
 * turn. No attempt goes beyond its key exchange before the key fits.
 */
const meet = async (hop: Hop, openStream: OpenStream, deps: ConnectDeps): Promise<SshConnection> => {
  const isOpen = hop.rules.pin !== null && hop.types.length === 0;
  const tries = isOpen ? ["ssh-ed25519", "ecdsa-sha2-nistp256", "ssh-rsa"].map((type) => [type]) : [hop.types];
  let first: unknown;
  for (const types of tries) {
    try {
      return await handshake({ ...hop, types }, await openStream(), deps);
    } catch (thrown) {
      if (!isOtherKey(thrown)) throw first === undefined ? thrown : first;
      first ??= thrown;
    }
  }
  throw first;
};

const refuseInner = ({ host, port }: SshPlace): void => {
  const reason = isIP(host) === 0 ? undefined : refusedAddress(host);
  if (reason === undefined) return;
  throw new SwitchyardError("endpoint_not_allowed", {
    detail: `${host}:${port} may be reached by no instance (${reason}), not through a jump host either: change the instance's host or port.`,
  });
};

/** A stream from the jump host to the device. */
const forward = (jump: SshConnection, place: SshPlace, via: SshPlace, deps: ConnectDeps): Promise<Duplex> => {
  const { timeoutMs, signal } = deps;
  const asked = new Promise<Duplex>((resolve, reject) => {
    jump.client.forwardOut("127.0.0.1", 0, place.host, place.port, (thrown, stream) => {
      if (thrown === undefined || thrown === null) resolve(stream);
      else {
        const detail = `The jump host ${placeName(via)} opened no way to ${placeName(place)} (${thrown.message}): check host and port, and that it allows forwarding.`;
        reject(new SwitchyardError("connection_refused", { detail, cause: thrown }));
      }
    });
  });
  const late = (): SwitchyardError => lateWay(via, place, timeoutMs);
  return inTime({ timeoutMs, signal }, late, (given) => withSignal(asked, given));
};

const hopOf = async (
  place: SshPlace,
  rules: KeyRules,
  more: Pick<Hop, "credentials" | "allowsLegacy">,
  deps: ConnectDeps,
): Promise<Hop> => ({
  ...more,
  place,
  rules,
  types: await trustedTypes(place, rules, deps.hostKeys),
});

/** Connects and logs in. @throws SwitchyardError with the cause of a failed contact. */
export const connectSsh = async (endpoint: SshEndpoint, deps: ConnectDeps): Promise<SshConnection> => {
  const { jump, allowsLegacy, knownHosts } = endpoint;
  const dialled = (place: SshPlace): OpenStream => {
    const limits = { timeoutMs: deps.timeoutMs, signal: deps.signal };
    return () => dial({ host: place.host, port: place.port, scheme: "ssh", tls: null }, deps.around, limits);
  };
  const credentials = credentialsOf(endpoint, deps.secrets);
  const device = await hopOf(endpoint, { pin: endpoint.hostKey, knownHosts }, { credentials, allowsLegacy }, deps);
  if (jump === null) return meet(device, dialled(endpoint), deps);
  refuseInner(endpoint);
  const jumpLogin = { credentials: credentialsOf(jump, deps.secrets), allowsLegacy: false };
  const via = await meet(await hopOf(jump, { pin: jump.hostKey, knownHosts }, jumpLogin, deps), dialled(jump), deps);
  try {
    const connection = await meet(device, () => forward(via, endpoint, jump, deps), deps);
    connection.onDown(() => via.end());
    return connection;
  } catch (thrown) {
    via.end();
    throw thrown;
  }
};
