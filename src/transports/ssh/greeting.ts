/** What a device says before it says that it speaks ssh: a banner, or that it is something else. */
import type { Duplex } from "node:stream";
import { SwitchyardError } from "../../errors.ts";
import { shownText } from "../../model/terminal-text.ts";
import { placeName, type SshPlace } from "./failures.ts";

/** Banners are shorter; what goes on is no ssh, and the library would search all of it again with each packet. */
const longestGreeting = 32_768;
const shownLength = 80;
/** Who greets says at once that it is ssh. */
const patienceMs = 5_000;

/** Servers of ssh that take no more sessions say so before anything else. */
const isBusy = (text: string): boolean =>
  /maxstartups|not allowed|too many|maximum|limit|refused|denied|busy/i.test(text) &&
  !/^(?:HTTP\/|\d{3}[ -])/.test(text);

export interface Greeting {
  /** What something else than ssh said, as a failure; `undefined` when it was ssh, or nothing was said. */
  failure(cause?: unknown): SwitchyardError | undefined;
}

const failureOf = (text: string, place: SshPlace, cause: unknown): SwitchyardError => {
  const lines = text.split(/[\r\n]+/).map((line) => shownText(line).trim());
  const said = (lines.find((line) => line !== "") ?? "").slice(0, shownLength);
  const quoted = said === "" ? "" : `: it says "${said}"`;
  if (isBusy(said)) {
    return new SwitchyardError("device_error", {
      detail: `${placeName(place)} takes no ssh session${quoted}. Wait, or look at the device for open sessions and at what it allows.`,
      details: { dropped: true },
      cause,
    });
  }
  return new SwitchyardError("protocol_mismatch", {
    detail: `${placeName(place)} does not speak ssh${quoted}. Something else listens there: check the port.`,
    cause,
  });
};

interface Hearing {
  readonly place: SshPlace;
  /** How long the whole login may take. */
  readonly timeoutMs: number;
  /** Called when something else than ssh goes on and on, or waits for us to speak its language. */
  readonly onStranger: (error: SwitchyardError) => void;
}

/** Listens beside the library, up to the line that begins with `SSH-`. */
export const hearGreeting = (sock: Duplex, { place, timeoutMs, onStranger }: Hearing): Greeting => {
  let text = "";
  let isSsh = false;
  let patience: NodeJS.Timeout | undefined;
  const end = (): void => {
    clearTimeout(patience);
    sock.off("data", take);
  };
  const refuse = (): void => {
    end();
    onStranger(failureOf(text, place, undefined));
  };
  const take = (bytes: Buffer): void => {
    patience ??= setTimeout(refuse, Math.min(patienceMs, timeoutMs / 2));
    text += bytes.toString("latin1");
    isSsh = /(?:^|\n)SSH-/.test(text);
    if (isSsh) end();
    else if (text.length > longestGreeting) refuse();
  };
  // A stream that was told to pause does not begin to flow with its first listener: nothing is lost for the next one.
  sock.pause().on("data", take).once("close", end);
  return { failure: (cause) => (isSsh || text === "" ? undefined : failureOf(text, place, cause)) };
};
