/** Opens a connection: the name is resolved once, every address is checked, and a checked one is dialled. */
import { connect, isIP, type Socket } from "node:net";
import { checkServerIdentity, connect as connectTls, type PeerCertificate, type TLSSocket } from "node:tls";
import { SwitchyardError } from "../errors.ts";
import { isListenerName, isOwnListener, type Listener, refusedAddress } from "../model/address.ts";
import { connectFailure } from "./causes.ts";
import type { Surroundings } from "./wire.ts";

/** TLS rules with their secrets filled in. */
export interface TlsPlan {
  readonly verify: boolean;
  readonly ca?: string;
  readonly fingerprint?: string;
  readonly cert?: string;
  readonly key?: string;
  readonly servername?: string;
}

export interface DialPlace {
  readonly host: string;
  readonly port: number;
  /** What will be spoken: `https`, `http`, `tcp`; for error texts. */
  readonly scheme: string;
  readonly tls: TlsPlan | null;
}

/** Longest wait for a connection, name service and TLS included. */
const maxConnectMs = 10_000;

type Whereabouts = Pick<DialPlace, "host" | "port">;

const unknownListener = (place: Whereabouts, { host }: Listener, cause: unknown): SwitchyardError =>
  new SwitchyardError("dns_failed", {
    detail: `${place.host}:${place.port} was not contacted: a server of the runner's own has this port, and its name ${host} has no address now, so that the two cannot be told apart. Check the name service of this machine.`,
    cause,
  });

/** Our own servers at this port, by address: their names are looked up anew, since they may move. */
const ownAt = async (place: Whereabouts, around: Surroundings): Promise<readonly Listener[]> => {
  const found = around.ownListeners().filter(({ port }) => port === place.port);
  const addressed = found.map(async (listener) => {
    if (!isListenerName(listener)) return [listener];
    const addresses = await around.resolve(listener.host).catch((thrown: unknown) => {
      throw unknownListener(place, listener, thrown);
    });
    return addresses.map(({ address }) => ({ ...listener, host: address }));
  });
  return (await Promise.all(addressed)).flat();
};

/** The addresses of a place, every one of them checked. @throws SwitchyardError `endpoint_not_allowed`. */
export const checkedAddresses = async (place: Whereabouts, around: Surroundings): Promise<readonly string[]> => {
  const found = isIP(place.host) === 0 ? await around.resolve(place.host) : [{ address: place.host }];
  const own = await ownAt(place, around);
  const local = around.localAddresses();
  for (const { address } of found) {
    const isOwn = isOwnListener(address, place.port, own, local);
    const reason = refusedAddress(address) ?? (isOwn ? "the runner itself" : undefined);
    if (reason === undefined) continue;
    throw new SwitchyardError("endpoint_not_allowed", {
      detail: `${place.host}:${place.port} leads to ${address}, which no instance may reach (${reason}): change the instance's host or port.`,
      details: { refused_address: address },
    });
  }
  return found.map(({ address }) => address);
};

const opened = (socket: Socket, event: "connect" | "secureConnect", signal: AbortSignal): Promise<void> =>
  new Promise((resolve, reject) => {
    const settle = (finish: () => void): void => {
      signal.removeEventListener("abort", onAbort);
      socket.off("error", onError).off("close", onClose).off(event, onOpen);
      finish();
    };
    const fail = (thrown: unknown): void => {
      socket.on("error", () => undefined).destroy();
      reject(thrown);
    };
    const onOpen = (): void => settle(resolve);
    const onError = (thrown: Error): void => settle(() => fail(thrown));
    const onClose = (): void => settle(() => fail(new Error("closed")));
    const onAbort = (): void => settle(() => fail(signal.reason));
    socket.once(event, onOpen).once("error", onError).once("close", onClose);
    if (signal.aborted) onAbort();
    else signal.addEventListener("abort", onAbort);
  });

const connectOne = async (address: string, place: DialPlace, signal: AbortSignal): Promise<Socket> => {
  const socket = connect({
    host: address,
    port: place.port,
    noDelay: true,
    keepAlive: true,
    keepAliveInitialDelay: 30_000,
  });
  await opened(socket, "connect", signal);
  return socket;
};

const connectAny = async (addresses: readonly string[], place: DialPlace, signal: AbortSignal): Promise<Socket> => {
  let last: unknown = Object.assign(new Error("no address"), { code: "ENODATA" });
  for (const address of addresses) {
    try {
      return await connectOne(address, place, signal);
    } catch (thrown) {
      if (signal.aborted) throw thrown;
      last = thrown;
    }
  }
  throw last;
};

const fingerprintOf = (certificate: PeerCertificate): string =>
  (certificate.fingerprint256 ?? "").replaceAll(":", "").toLowerCase();

const distrust = (place: DialPlace, seen: string, reason: string): SwitchyardError =>
  new SwitchyardError("tls_untrusted", {
    detail: `The certificate of ${place.host}:${place.port} is not trusted (${reason}). If it is the device's own, trust it by its SHA-256 fingerprint ${seen}, or give the certificate authority that signed it.`,
    details: { fingerprint: seen },
  });

const nameMismatch = (place: DialPlace, certificate: PeerCertificate, seen: string): SwitchyardError => {
  const names = certificate.subjectaltname ?? String(certificate.subject?.CN ?? "nobody");
  return new SwitchyardError("tls_name_mismatch", {
    detail: `The certificate of ${place.host}:${place.port} is for ${names.slice(0, 300)}: use one of these names as host, or trust the certificate by its SHA-256 fingerprint ${seen}.`,
    details: { fingerprint: seen },
  });
};

/** Judged by us and not by the TLS layer, so that the error can name the fingerprint. Nothing was sent before. */
const judge = (socket: TLSSocket, tls: TlsPlan, place: DialPlace): SwitchyardError | undefined => {
  const certificate = socket.getPeerCertificate();
  const seen = fingerprintOf(certificate);
  if (tls.fingerprint !== undefined) {
    if (seen === tls.fingerprint) return undefined;
    return distrust(place, seen, `it is not the pinned one ${tls.fingerprint.slice(0, 16)}...`);
  }
  if (!tls.verify || socket.authorized) return undefined;
  const reason = String((socket.authorizationError as unknown) ?? "unknown");
  if (reason.includes("ALTNAME")) return nameMismatch(place, certificate, seen);
  return distrust(place, seen, reason.toLowerCase().replaceAll("_", " "));
};

const optionsOf = (tls: TlsPlan): { ca?: string; cert?: string; key?: string } => ({
  ...(tls.ca === undefined ? {} : { ca: tls.ca }),
  ...(tls.cert === undefined ? {} : { cert: tls.cert }),
  ...(tls.key === undefined ? {} : { key: tls.key }),
});

const secureContextFailure = (thrown: unknown): SwitchyardError =>
  new SwitchyardError("tls_untrusted", {
    detail: "The instance's own certificate, key or certificate authority is not readable PEM: set it again.",
    cause: thrown,
  });

const startTls = (socket: Socket, tls: TlsPlan, place: DialPlace): TLSSocket => {
  const name = tls.servername ?? place.host;
  try {
    return connectTls({
      socket,
      servername: isIP(name) === 0 ? name : "",
      rejectUnauthorized: false,
      ...(place.scheme === "https" ? { ALPNProtocols: ["http/1.1"] } : {}),
      checkServerIdentity: (_, certificate) => checkServerIdentity(name, certificate),
      ...optionsOf(tls),
    });
  } catch (thrown) {
    socket.destroy();
    throw secureContextFailure(thrown);
  }
};

/** Puts TLS on an open connection and judges the certificate. */
const secure = async (socket: Socket, place: DialPlace, tls: TlsPlan, signal: AbortSignal): Promise<TLSSocket> => {
  const secured = startTls(socket, tls, place);
  await opened(secured, "secureConnect", signal);
  const problem = judge(secured, tls, place);
  if (problem === undefined) return secured;
  secured.on("error", () => undefined).destroy();
  throw problem;
};

interface DialLimits {
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/** Contact within a time, with the cause when there is none. */
const inTime = async <T>(
  place: DialPlace,
  { timeoutMs, signal }: DialLimits,
  what: string,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> => {
  const ms = Math.min(timeoutMs, maxConnectMs);
  const late = (): SwitchyardError =>
    new SwitchyardError("connect_timeout", {
      detail: `${place.host}:${place.port} ${what} within ${ms} ms: check host, port and firewalls.`,
    });
  const clock = new AbortController();
  const timer = setTimeout(() => clock.abort(late()), ms);
  try {
    return await work(AbortSignal.any([clock.signal, signal]));
  } catch (thrown) {
    throw connectFailure(thrown, place);
  } finally {
    clearTimeout(timer);
  }
};

/**
 * Opens a connection, with TLS when the place asks for it.
 * @throws SwitchyardError with the cause of a failed contact, or `endpoint_not_allowed`.
 */
export const dial = (place: DialPlace, around: Surroundings, limits: DialLimits): Promise<Socket> =>
  inTime(place, limits, "accepted no connection", async (signal) => {
    const addresses = await Promise.race([checkedAddresses(place, around), aborted(signal)]);
    const socket = await connectAny(addresses, place, signal);
    return place.tls === null ? socket : await secure(socket, place, place.tls, signal);
  });

/** Puts TLS on a connection over which something was said already. @throws SwitchyardError as `dial`. */
export const upgrade = (socket: Socket, place: DialPlace, tls: TlsPlan, limits: DialLimits): Promise<Socket> =>
  inTime(place, limits, "said that it would begin TLS, and did not", (signal) => secure(socket, place, tls, signal));

const aborted = (signal: AbortSignal): Promise<never> =>
  new Promise((_, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
    if (signal.aborted) reject(signal.reason);
  });
