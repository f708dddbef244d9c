/** What went wrong over ssh, in the words of the error table. */
import { SwitchyardError } from "../../errors.ts";
import { shownText } from "../../model/terminal-text.ts";
import { connectFailure } from "../causes.ts";

/** Where a connection leads. */
export interface SshPlace {
  readonly host: string;
  readonly port: number;
}

/** `host:port`, as the instance's memory of host keys names it. */
export const placeName = ({ host, port }: SshPlace): string =>
  host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;

const wordsOf = (thrown: unknown): { message: string; level: string } => {
  const { message = "", level = "" } = (thrown ?? {}) as { message?: string; level?: string };
  return { message: shownText(String(message)), level: String(level) };
};

const noCommonAlgorithm = (place: SshPlace, message: string, cause: unknown): SwitchyardError =>
  new SwitchyardError("protocol_mismatch", {
    detail: `${placeName(place)} and this runner share no ssh algorithm (${message}): if it is an old device, allow legacy algorithms for this instance.`,
    cause,
  });

const dropped = (place: SshPlace, cause: unknown): SwitchyardError =>
  new SwitchyardError("device_error", {
    detail: `${placeName(place)} closed the ssh connection before it was ready: it may refuse more sessions, or this address; look at the device's own log.`,
    details: { dropped: true },
    cause,
  });

/** Why no connection came about. The host key's own failures and refused logins are told before this. */
export const sshConnectFailure = (thrown: unknown, place: SshPlace): SwitchyardError => {
  if (thrown instanceof SwitchyardError) return thrown;
  const { message, level } = wordsOf(thrown);
  if (/no matching|no common/i.test(message)) return noCommonAlgorithm(place, message, thrown);
  if (level === "client-timeout") {
    return new SwitchyardError("response_timeout", {
      detail: `${placeName(place)} accepted the connection and did not finish the ssh login in time: look whether the device is overloaded.`,
      cause: thrown,
    });
  }
  if (/identification|greeting|protocol version|Bad packet|packet length/i.test(message)) {
    return new SwitchyardError("protocol_mismatch", {
      detail: `${placeName(place)} does not speak ssh (${message}): check the port.`,
      cause: thrown,
    });
  }
  if (level === "client-socket")
    return connectFailure((thrown as { cause?: unknown }).cause ?? thrown, { ...place, scheme: "ssh" });
  return dropped(place, thrown);
};

/** The connection or its channel ended before the answer was complete. */
export const droppedInAnswer = (place: SshPlace): SwitchyardError =>
  new SwitchyardError("device_error", {
    detail: `${placeName(place)} closed the connection in the middle of a command: what the command did is not known; look at the device's own log.`,
    details: { dropped: true },
  });

/** `seen` is what it showed last: another prompt than before, a pager, a question that we do not know. */
export const lateAnswer = (place: SshPlace, ms: number, what: string, seen?: string): SwitchyardError => {
  const last =
    seen === undefined ? "" : seen === "" ? " It showed nothing." : ` The last that it showed was "${seen}".`;
  return new SwitchyardError("response_timeout", {
    detail: `${placeName(place)} did not finish ${what} within ${Math.round(ms)} ms.${last}`,
  });
};

/** A jump host that neither opens the way nor refuses it. */
export const lateWay = (jump: SshPlace, place: SshPlace, ms: number): SwitchyardError =>
  new SwitchyardError("connect_timeout", {
    detail: `The jump host ${placeName(jump)} opened no way to ${placeName(place)} within ${Math.round(ms)} ms: check that the device is up and that the jump host reaches it.`,
  });

export const refusedLogin = (place: SshPlace, how: string): SwitchyardError =>
  new SwitchyardError("auth_failed", {
    detail: `${placeName(place)} refused the login ${how}. It is not repeated, so that the account is not locked: check the credentials and set the secret again.`,
  });

export const refusedEnable = (place: SshPlace): SwitchyardError =>
  new SwitchyardError("auth_failed", {
    detail: `${placeName(place)} refused the enable password: nothing was sent after it. Check the instance's enable password and set it again.`,
    details: { login: "enable" },
  });

export const noChannel = (place: SshPlace, thrown: unknown): SwitchyardError =>
  new SwitchyardError("device_error", {
    detail: `${placeName(place)} opened no channel for a command (${wordsOf(thrown).message}): it may allow fewer sessions, or no commands for this account.`,
    details: { refused: true },
    cause: thrown,
  });
