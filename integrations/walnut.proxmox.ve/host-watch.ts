/** Whether a host that was told to shut down or to reboot has done so. */
import { DriverError, type HttpClient } from "switchyard/sdk";
import { read } from "./answer.ts";
import { isPassing } from "./follow.ts";
import { type Host, hostsOf } from "./resources.ts";

type Look = () => Promise<string | null>;

/** A contact that failed, as against an answer that is a failure. */
const isSilence = (thrown: unknown): boolean =>
  isPassing(thrown) && thrown instanceof DriverError && thrown.details["status"] === undefined;

/** Looks at one host. The host may be the one that is asked: when nobody answers twice in a row, it counts as gone. */
const hostLook = (http: HttpClient, name: string): (() => Promise<Host | "gone" | null>) => {
  let silences = 0;
  return async () => {
    try {
      const hosts = hostsOf(await read(http, "/cluster/resources", { type: "node" }));
      silences = 0;
      const host = hosts.find((each) => each.name === name);
      return host?.status === "online" ? host : "gone";
    } catch (thrown) {
      if (!isSilence(thrown)) throw thrown;
      silences += 1;
      return silences > 1 ? "gone" : null;
    }
  };
};

/** Gives `offline` once the cluster no longer sees the host, or the host that was asked no longer answers. */
export const awayLook = (http: HttpClient, name: string): Look => {
  const look = hostLook(http, name);
  return async () => ((await look()) === "gone" ? "offline" : null);
};

export const uptimeOf = (host: Host): number | null => {
  const uptime = host.row["uptime"];
  return typeof uptime === "number" ? uptime : null;
};

/** Gives `online` once the host was away and is back, or is up for a shorter time than before (seconds). */
export const backLook = (http: HttpClient, name: string, uptimeBefore: number | null): Look => {
  const look = hostLook(http, name);
  let wasAway = false;
  let longest = uptimeBefore ?? 0;
  return async () => {
    const host = await look();
    if (host === "gone") wasAway = true;
    if (host === "gone" || host === null) return null;
    const uptime = uptimeOf(host) ?? longest;
    if (wasAway || uptime < longest) return "online";
    longest = uptime;
    return null;
  };
};
