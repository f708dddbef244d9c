/** Ports whose loss would cut off more than what hangs on them. */
import { parseArp, parseIp, parseMacAddresses, parseSshSessions } from "../parse/addresses.ts";
import { type BriefRow, parseInterfacesBrief } from "../parse/interfaces.ts";
import { isSwitch } from "../parse/lldp.ts";
import { nameOf, parsePorts } from "../ports.ts";
import { type Show, showIfKnown, showNeighbours } from "../show.ts";

export interface Protection {
  /** By port: why it is protected, all reasons. */
  readonly reasons: ReadonlyMap<string, readonly string[]>;
  /** Why the port behind which this session comes from is not known; null when it is. */
  readonly sessionUnknown: string | null;
}

type Reason = readonly [port: string, why: string];

const trunkReasons = (rows: readonly BriefRow[]): readonly Reason[] =>
  rows.flatMap(({ port, trunk }): Reason[] =>
    trunk === null ? [] : [[port, `it belongs to the trunk ${trunk.startsWith("T") ? trunk : "of several ports"}`]],
  );

const neighbourReasons = async (show: Show): Promise<readonly Reason[]> =>
  (await showNeighbours(show))
    .filter(isSwitch)
    .map(({ localPort, systemName, chassisId }) => [localPort, `the switch ${systemName || chassisId} is behind it`]);

const configuredReasons = (ports: string | undefined): readonly Reason[] =>
  ports === undefined || ports === ""
    ? []
    : parsePorts(ports).map((port) => [nameOf(port), "the instance names it as protected"]);

interface Addresses {
  readonly macOf: (ip: string) => string | undefined;
  readonly placeOf: (mac: string) => string | undefined;
  readonly gateway: string;
}

const readAddresses = async (show: Show): Promise<Addresses> => {
  const [arp, macs, ip] = [
    parseArp(await show("show arp")),
    parseMacAddresses(await show("show mac-address")),
    parseIp(await show("show ip")),
  ];
  return {
    macOf: (address) => arp.find((row) => row.ip === address)?.mac,
    placeOf: (mac) => macs.find((row) => row.mac === mac)?.port,
    gateway: ip.gateway,
  };
};

/** A trunk stands for its members. */
const portsAt = (place: string, rows: readonly BriefRow[]): readonly string[] => {
  const members = rows.filter(({ trunk }) => trunk === place).map(({ port }) => port);
  return members.length > 0 ? members : [place];
};

/** Sessions from another network come in behind the gateway. */
const sessionReasons = async (show: Show, rows: readonly BriefRow[]) => {
  const sessions = await showIfKnown(show, "show ip ssh");
  const sources = sessions === null ? [] : [...new Set(parseSshSessions(sessions))];
  if (sources.length === 0) return { reasons: [], unknown: "the switch does not list its ssh sessions" };
  const { macOf, placeOf, gateway } = await readAddresses(show);
  const reasons: Reason[] = [];
  const lost: string[] = [];
  for (const source of sources) {
    const mac = macOf(source) ?? (gateway === "" ? undefined : macOf(gateway));
    const place = mac === undefined ? undefined : placeOf(mac);
    if (place === undefined) lost.push(source);
    else
      reasons.push(
        ...portsAt(place, rows).map((port): Reason => [port, `the ssh session of ${source} comes in by it`]),
      );
  }
  return { reasons, unknown: lost.length === 0 ? null : `no port is known behind which ${lost.join(", ")} is` };
};

const collected = (all: readonly Reason[]): Protection["reasons"] => {
  const reasons = new Map<string, string[]>();
  for (const [port, why] of all) reasons.set(port, [...(reasons.get(port) ?? []), why]);
  return reasons;
};

/** Finds the protected ports: members of trunks, neighbours that are switches, the way in, and the configured ones. */
export const readProtection = async (show: Show, configured: string | undefined): Promise<Protection> => {
  const rows = parseInterfacesBrief(await show("show interfaces brief"));
  const session = await sessionReasons(show, rows);
  const found = [...trunkReasons(rows), ...(await neighbourReasons(show)), ...session.reasons];
  return { reasons: collected([...found, ...configuredReasons(configured)]), sessionUnknown: session.unknown };
};
