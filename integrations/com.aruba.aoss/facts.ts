/** What the switch is and how it is, by SNMP where it answers and by its command line where not. */
import { DriverError, type SnmpClient } from "switchyard/sdk";
import { type AossModel, modelIn, requireAoss } from "./model.ts";
import { parseLldpSelf } from "./parse/lldp.ts";
import { parseStacking, parseVsf, type StackMember } from "./parse/stack.ts";
import { type Show, showIfKnown } from "./show.ts";
import { oids } from "./snmp/oids.ts";

/** What SNMP says of the whole switch; null with the reason where it says nothing. */
export interface SnmpSelf {
  readonly description: string;
  readonly name: string;
  /** Seconds since it started. */
  readonly upTimeS: number;
}
export type SnmpAnswer =
  | { readonly self: SnmpSelf; readonly problem: null }
  | { readonly self: null; readonly problem: string };

/** What an agent may be down with while the switch itself is well; anything else ends the call. */
const contactFailures: ReadonlySet<string> = new Set([
  ...["no_snmp_answer", "auth_failed", "connection_refused", "connect_timeout", "network_unreachable", "dns_failed"],
  ...["permission_denied_remote", "protocol_mismatch", "device_error", "response_timeout", "response_too_large"],
]);

/** Whether an error says that the device could not be reached or did not answer as it should. */
export const isContactFailure = (thrown: unknown): thrown is DriverError =>
  thrown instanceof DriverError && contactFailures.has(thrown.code);

export const readSnmpSelf = async (snmp: SnmpClient): Promise<SnmpAnswer> => {
  try {
    const [description, name, upTime] = await snmp.get([oids.description, oids.name, oids.upTime]);
    const text = description?.value;
    if (typeof text !== "string" || text === "")
      return { self: null, problem: "the SNMP agent does not describe itself" };
    const ticks = typeof upTime?.value === "number" ? upTime.value : 0;
    return {
      self: {
        description: text,
        name: String(name?.value ?? ""),
        upTimeS: Math.floor(ticks / 100),
      },
      problem: null,
    };
  } catch (thrown) {
    if (isContactFailure(thrown)) return { self: null, problem: thrown.message };
    throw thrown;
  }
};

/** @throws DriverError `protocol_mismatch` when the device is no switch with AOS-S. */
export const modelByCli = async (show: Show): Promise<AossModel> => {
  const lldp = await showIfKnown(show, "show lldp info local-device");
  const description = lldp === null ? "" : parseLldpSelf(lldp).description;
  const model = modelIn(description);
  return model ?? requireAoss(`${description} ${await show("show version")}`);
};

/** The model, by whichever way tells it. @throws DriverError `protocol_mismatch`. */
export const modelOf = async ({ self }: SnmpAnswer, show: Show): Promise<AossModel> =>
  self === null ? await modelByCli(show) : requireAoss(self.description);

export interface Stack {
  readonly kind: "vsf" | "backplane";
  readonly members: readonly StackMember[];
}

/** The stack that the switch is; null for one by itself. */
export const readStack = async (show: Show): Promise<Stack | null> => {
  const vsf = parseVsf(await show("show vsf detail"));
  if (vsf !== null) return { kind: "vsf", members: vsf.members };
  const members = parseStacking(await show("show stacking"));
  return members === null ? null : { kind: "backplane", members };
};
