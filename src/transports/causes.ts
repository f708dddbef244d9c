/** Why a contact failed, in the words of the error table: from error codes of sockets, TLS and http parsers. */
import { type ErrorCode, SwitchyardError } from "../errors.ts";

/** Where a contact was tried; `scheme` is what was spoken there. */
export interface ContactPlace {
  readonly host: string;
  readonly port: number;
  readonly scheme: string;
}

const codeOf = (thrown: unknown): string => {
  if (typeof thrown !== "object" || thrown === null) return "";
  const { code, errors } = thrown as { code?: unknown; errors?: unknown };
  if (typeof code === "string") return code;
  return Array.isArray(errors) ? codeOf(errors[0]) : "";
};

type Explain = (place: ContactPlace) => string;
const at = ({ host, port }: ContactPlace): string => `${host}:${port}`;

const network: Readonly<Record<string, readonly [ErrorCode, Explain]>> = {
  ENOTFOUND: [
    "dns_failed",
    ({ host }) => `The name ${host} does not exist: check its spelling, or the resolver of this machine.`,
  ],
  EAI_AGAIN: ["dns_failed", ({ host }) => `The resolver gave no answer for ${host}: check the network's name service.`],
  ENODATA: ["dns_failed", ({ host }) => `The name ${host} has no address: check its spelling.`],
  ECONNREFUSED: [
    "connection_refused",
    (place) => `Nothing listens on ${at(place)}: check the port, and that the service runs there.`,
  ],
  ENETUNREACH: [
    "network_unreachable",
    ({ host }) => `There is no route to ${host}: check the network of this machine.`,
  ],
  EHOSTUNREACH: [
    "network_unreachable",
    ({ host }) => `The host ${host} cannot be reached: check that it is up and routed.`,
  ],
  ENETDOWN: ["network_unreachable", () => "The network of this machine is down."],
  EHOSTDOWN: ["network_unreachable", ({ host }) => `The host ${host} is down.`],
  EADDRNOTAVAIL: [
    "network_unreachable",
    ({ host }) => `This machine has no address from which ${host} can be reached.`,
  ],
  EACCES: ["network_unreachable", ({ host }) => `The network of this machine forbids contact with ${host}.`],
  ETIMEDOUT: [
    "connect_timeout",
    (place) => `${at(place)} accepted no connection in time: check host, port and firewalls.`,
  ],
};

const isTlsNoise = (code: string): boolean =>
  code === "EPROTO" || code.startsWith("ERR_SSL_") || code === "ERR_TLS_REQUIRED_SERVER_NAME";

const isCertificateAlert = (code: string): boolean => /ALERT.*(?:CERTIFICATE|UNKNOWN_CA|ACCESS_DENIED)/.test(code);

/** The cause of a connection that could not be made. */
export const connectFailure = (thrown: unknown, place: ContactPlace): SwitchyardError => {
  if (thrown instanceof SwitchyardError) return thrown;
  const code = codeOf(thrown);
  const known = network[code];
  if (known !== undefined) return new SwitchyardError(known[0], { detail: known[1](place), cause: thrown });
  if (isCertificateAlert(code)) {
    return new SwitchyardError("auth_failed", {
      detail: `${at(place)} asks for a client certificate that it trusts (${code}): set the instance's certificate and key.`,
      cause: thrown,
    });
  }
  if (isTlsNoise(code)) {
    return new SwitchyardError("protocol_mismatch", {
      detail: `${at(place)} does not speak TLS as expected (${code}): check the port, or whether it is plain ${place.scheme === "https" ? "http" : "text"}.`,
      cause: thrown,
    });
  }
  const detail = `${at(place)} closed the connection before it was ready: check that the right service listens on that port.`;
  return new SwitchyardError("protocol_mismatch", { detail, cause: thrown });
};

const isParserError = (thrown: unknown): boolean =>
  thrown instanceof Error && (thrown.name === "HTTPParserError" || codeOf(thrown).startsWith("HPE_"));

/** An answer that came, and that the library hung up on: another status than asked for, or a length that is not one. */
const isAgainstTheRules = (thrown: unknown): boolean =>
  codeOf(thrown) === "UND_ERR_RES_CONTENT_LENGTH_MISMATCH" ||
  (thrown instanceof Error && /^bad (?:response|upgrade)$/.test(thrown.message));

const oddAnswer = (place: ContactPlace, cause: Error): SwitchyardError =>
  new SwitchyardError("protocol_mismatch", {
    detail: `${at(place)} answers in http, but not by its rules (${cause.message}): nothing of the answer was used. Look at the device, and at what stands between.`,
    cause,
  });

/** The cause of a connection that broke before the answer was complete; `hasAnswered`: whether it ever spoke http to us. */
export const answerFailure = (thrown: unknown, place: ContactPlace, hasAnswered: boolean): SwitchyardError => {
  if (thrown instanceof SwitchyardError) return thrown;
  const code = codeOf(thrown);
  if (code === "UND_ERR_INVALID_ARG") {
    return new SwitchyardError("driver_failed", {
      detail: "The request cannot be written as http: a header or its path holds a character that may not stand there.",
      cause: thrown,
    });
  }
  if (isParserError(thrown)) {
    return new SwitchyardError("protocol_mismatch", {
      detail: `${at(place)} does not answer in http: check the port, and whether it wants https.`,
      cause: thrown,
    });
  }
  if (isAgainstTheRules(thrown)) return oddAnswer(place, thrown as Error);
  if (code === "UND_ERR_HEADERS_OVERFLOW") {
    return new SwitchyardError("response_too_large", {
      detail: "The device answered with too many headers.",
      cause: thrown,
    });
  }
  if (network[code] !== undefined || isTlsNoise(code)) return connectFailure(thrown, place);
  if (place.scheme === "http" && !hasAnswered) {
    return new SwitchyardError("protocol_mismatch", {
      detail: `${at(place)} closed the connection without an answer: check the port, and whether it wants https.`,
      cause: thrown,
    });
  }
  return new SwitchyardError("device_error", {
    detail: `${at(place)} closed the connection before its answer was complete: look at the device's own log.`,
    details: { dropped: true },
    cause: thrown,
  });
};

/** The hint that an http status gives; `undefined` when it tells no failure. */
export const statusFailure = (status: number, what: string): SwitchyardError | undefined => {
  const details = { status };
  if (status === 401) {
    const detail = `${what} answered 401: the device does not accept the credentials; check the instance's secrets, and the user or token name that goes with them.`;
    return new SwitchyardError("auth_failed", { detail, details });
  }
  if (status === 403) {
    const detail = `${what} answered 403: the credentials are known but may not do this; grant the account more rights.`;
    return new SwitchyardError("permission_denied_remote", { detail, details });
  }
  if (status < 500) return undefined;
  const detail = `${what} answered ${status}: the device reports a failure of its own; look at the device.`;
  return new SwitchyardError("device_error", { detail, details });
};

/** The same failure, marked as one before the first byte: nothing was sent, so nothing can have happened. */
export const unsent = ({ code, message, details, cause }: SwitchyardError): SwitchyardError =>
  new SwitchyardError(code, { detail: message, details: { ...details, sent: false }, cause });

export const isUnsent = (thrown: unknown): boolean =>
  thrown instanceof SwitchyardError && thrown.details["sent"] === false;

const passingCauses: ReadonlySet<ErrorCode> = new Set([
  "dns_failed",
  "connection_refused",
  "network_unreachable",
  "connect_timeout",
] satisfies ErrorCode[]);

/** Whether the same read may succeed a moment later: the device was not reached, or it dropped the connection. */
export const mayPass = (thrown: unknown): boolean =>
  thrown instanceof SwitchyardError && (passingCauses.has(thrown.code) || thrown.details["dropped"] === true);
