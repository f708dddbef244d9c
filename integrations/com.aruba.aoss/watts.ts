/** What each port delivers: known to the command line alone, joined by name to the ports that SNMP lists. */
import { DriverError, type Target } from "switchyard/sdk";
import { isContactFailure } from "./facts.ts";
import { parsePoeBrief } from "./parse/poe.ts";
import { type Show, showIfKnown } from "./show.ts";
import type { PortTargets } from "./targets.ts";

/** Watts by port. */
type Watts = ReadonlyMap<string, number>;

const readWatts = async (show: Show): Promise<Watts> => {
  const text = await showIfKnown(show, "show power-over-ethernet brief");
  return new Map((text === null ? [] : parsePoeBrief(text)).map(({ port, drawW }) => [port, drawW]));
};

const hasPower = ({ attrs }: Target): boolean => attrs["poe_status"] !== undefined;

const joined = (target: Target, watts: Watts): Target => {
  const drawn = hasPower(target) ? watts.get(target.external_id) : undefined;
  return drawn === undefined ? target : { ...target, attrs: { ...target.attrs, poe_power_w: drawn } };
};

/** A host key that is not the trusted one says nothing against what SNMP told. */
const isNoReason = (thrown: unknown): thrown is DriverError =>
  isContactFailure(thrown) || (thrown instanceof DriverError && thrown.code.startsWith("host_key_"));

/** The same ports with their watts; without them, and with a note, where the command line gives none. */
export const withWatts = async (ports: PortTargets, show: Show): Promise<PortTargets> => {
  const { targets, notes } = ports;
  if (!targets.some(hasPower)) return ports;
  try {
    const watts = await readWatts(show);
    return { targets: targets.map((target) => joined(target, watts)), notes };
  } catch (thrown) {
    if (!isNoReason(thrown)) throw thrown;
    return { targets, notes: [...notes, `The watts of the ports are not known: ${thrown.message}`] };
  }
};
