/** Whether a host that was told to shut down or to reboot has done so. */
import { DriverError, type HttpClient } from "switchyard/sdk";
import { read } from "./answer.ts";
import { type Host, hostsOf } from "./resources.ts";

type Look = () => Promise<string | null>;

const silence = new Set(["connection_refused", "connect_timeout", "network_unreachable"]);
const isSilence = (thrown: unknown): boolean => thrown instanceof DriverError && silence.has(thrown.code);

/** Null when nobody answers: the host may be the one that was asked. */
const lookAt = async (http: HttpClient, name: string): Promise<Host | null | undefined> => {
  try {
    return hostsOf(await read(http, "/cluster/resources", { type: "node" })).find((host) => host.name === name);
  } catch (thrown) {
    if (isSilence(thrown)) return null;
    throw thrown;
  }
};

/** Gives `offline` once the cluster no longer sees the host, or the host that was asked no longer answers. */
export const awayLook =
  (http: HttpClient, name: string): Look =>
  async () => {
    const host = await lookAt(http, name);
    return host === null || host?.status !== "online" ? "offline" : null;
  };

export const uptimeOf = (host: Host): number | null => {
  const uptime = host.row["uptime"];
  return typeof uptime === "number" ? uptime : null;
};

/** Gives `online` once the host was away and is back, or is up for a shorter time than before (seconds). */
export const backLook = (http: HttpClient, name: string, uptimeBefore: number | null): Look => {
  let wasAway = false;
  let longest = uptimeBefore ?? 0;
  return async () => {
    const host = await lookAt(http, name);
    if (host === null || host?.status !== "online") {
      wasAway = true;
      return null;
    }
    const uptime = uptimeOf(host) ?? longest;
    if (wasAway || uptime < longest) return "online";
    longest = uptime;
    return null;
  };
};
