/** What went wrong over SNMP, in the words of the error table. */
import { SwitchyardError } from "../../errors.ts";
import type { SnmpEndpoint } from "../../model/endpoint.ts";
import { shownText } from "../../model/terminal-text.ts";
import { connectFailure } from "../causes.ts";

const at = ({ host, port }: SnmpEndpoint): string => `${host}:${port}`;

/** What a silent or babbling agent was heard to say while a request waited. */
export interface Heard {
  readonly received: number;
  readonly garbled: number;
}

/** A wrong community and a host that is down look the same: nothing comes back. */
export const noAnswer = (endpoint: SnmpEndpoint, waitedMs: number): SwitchyardError => {
  const secret =
    endpoint.version === "3"
      ? "the agent drops requests from this address"
      : "the community is wrong (an agent drops such requests without a word)";
  return new SwitchyardError("no_snmp_answer", {
    detail: `${at(endpoint)} gave no SNMP answer within ${Math.round(waitedMs)} ms: the host is down, a firewall drops UDP, or ${secret}. Try to reach the host otherwise; then check the community, and from where the agent allows requests.`,
  });
};

const strayAnswers = (endpoint: SnmpEndpoint, { garbled }: Heard): SwitchyardError => {
  const what =
    garbled > 0 ? "something that is no SNMP, or not the whole of it" : "answers to requests that were not made";
  return new SwitchyardError("protocol_mismatch", {
    detail: `${at(endpoint)} sent ${what}: check the port, and whether something stands in between.`,
  });
};

/** An agent that cannot decrypt a request drops it, as a stray packet. */
const undecrypted = (endpoint: SnmpEndpoint): SwitchyardError =>
  new SwitchyardError("auth_failed", {
    detail: `${at(endpoint)} answers SNMPv3, but not the encrypted request: most likely the privacy key or protocol is wrong; check both, and set the key again.`,
  });

/** Version 3 meets its agent with a question of its own, whose answer is none to the request. */
export const silence = (endpoint: SnmpEndpoint, waitedMs: number, heard: Heard): SwitchyardError => {
  const hasMet = endpoint.version === "3" && heard.received > 0 && heard.garbled === 0;
  if (hasMet && endpoint.user?.priv) return undecrypted(endpoint);
  const isStray = heard.garbled > 0 || (heard.received > 0 && endpoint.version !== "3");
  return isStray ? strayAnswers(endpoint, heard) : noAnswer(endpoint, waitedMs);
};

type Advice = readonly [seen: RegExp, advice: string];
const userFailures: readonly Advice[] = [
  [/unknown user/i, "it knows no such user: check the SNMP user name"],
  [/wrong digest|authentication/i, "the authentication key or protocol is wrong: check both, and set the key again"],
  [/decrypt/i, "the privacy key or protocol is wrong: check both, and set the key again"],
  [/security level/i, "it does not allow this user without (or with) these keys: check authentication and privacy"],
];

const userFailure = (endpoint: SnmpEndpoint, message: string, cause: unknown): SwitchyardError | undefined => {
  const found = userFailures.find(([seen]) => seen.test(message));
  if (found === undefined) return undefined;
  return new SwitchyardError("auth_failed", {
    detail: `${at(endpoint)} refused the SNMPv3 request: ${found[1]}.`,
    details: { report: message },
    cause,
  });
};

/** Error status of an answer: what the agent says of a request that it understood. */
export const statusOf = (thrown: unknown): number | undefined => {
  const { name, status } = (thrown ?? {}) as { name?: unknown; status?: unknown };
  return name === "RequestFailedError" && typeof status === "number" ? status : undefined;
};

const [tooBigStatus, noSuchNameStatus, noAccessStatus, authorizationStatus] = [1, 2, 6, 16];
export const isTooBig = (thrown: unknown): boolean => statusOf(thrown) === tooBigStatus;
export const isNoSuchName = (thrown: unknown): boolean => statusOf(thrown) === noSuchNameStatus;
export const isTimeout = (thrown: unknown): boolean =>
  (thrown as { name?: unknown } | null)?.name === "RequestTimedOutError";
/** The library's own word for it. */
export const timedOut = (): Error => Object.assign(new Error("Request timed out"), { name: "RequestTimedOutError" });
export const isOutOfTime = (thrown: unknown): boolean =>
  /time window/i.test(String((thrown as { message?: unknown } | null)?.message));

const refusedRequest = (endpoint: SnmpEndpoint, status: number, message: string, cause: unknown): SwitchyardError => {
  const details = { status };
  if (status === noAccessStatus || status === authorizationStatus) {
    const detail = `${at(endpoint)} denies access (${message}): give the community or user more rights at the agent.`;
    return new SwitchyardError("permission_denied_remote", { detail, details, cause });
  }
  return new SwitchyardError("device_error", {
    detail: `${at(endpoint)} refused the request: ${message}.`,
    details,
    cause,
  });
};

/** Any other failure of a request. */
export const snmpFailure = (thrown: unknown, endpoint: SnmpEndpoint): SwitchyardError => {
  if (thrown instanceof SwitchyardError) return thrown;
  const message = shownText(String((thrown as { message?: unknown } | null)?.message ?? thrown));
  const status = statusOf(thrown);
  if (status !== undefined) return refusedRequest(endpoint, status, message, thrown);
  const isSystemError = typeof (thrown as { syscall?: unknown } | null)?.syscall === "string";
  if (isSystemError) return connectFailure(thrown, { ...endpoint, scheme: "snmp" });
  return (
    userFailure(endpoint, message, thrown) ??
    new SwitchyardError("protocol_mismatch", {
      detail: `${at(endpoint)} gave an answer that does not fit the request (${message}): nothing of it was used.`,
      cause: thrown,
    })
  );
};

/** An answer to a set that does not say what was set: it may be done, in part or not at all. */
export const otherValues = (endpoint: SnmpEndpoint, oid: string): SwitchyardError =>
  new SwitchyardError("protocol_mismatch", {
    detail: `${at(endpoint)} answered the set without an error, and with another value of ${oid} than was set: what it did is not known. Read the device back before doing it again, and look for an update of it.`,
    details: { oid },
  });

/** No value, and no word that there is none: what the agent has is not known. */
export const nothingSaid = (endpoint: SnmpEndpoint, oid: string): SwitchyardError =>
  new SwitchyardError("protocol_mismatch", {
    detail: `The agent at ${at(endpoint)} answers what follows ${oid} with nothing at all, not even the end of its objects. Nothing of the walk was used; look for an update of the device.`,
  });

/** An agent whose tables go round in circles would be walked for ever. */
export const notIncreasing = (endpoint: SnmpEndpoint, before: string, after: string): SwitchyardError =>
  new SwitchyardError("device_error", {
    detail: `The agent at ${at(endpoint)} answers ${after} as what follows ${before}: its objects do not increase, so the walk would not end. Nothing of it was used; look for an update of the device.`,
    details: { before, after },
  });
