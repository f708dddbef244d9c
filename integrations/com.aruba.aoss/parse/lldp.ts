/** What LLDP says: of the switch itself, and of its neighbours. */
import { fieldsOf, groupsBy, textUnder } from "./fields.ts";
import { namedPort, portCell } from "./interfaces.ts";
import { linesOf, unexpected } from "./problem.ts";
import { readTable } from "./table.ts";

export interface LldpSelf {
  readonly chassisType: string;
  readonly chassisId: string;
  readonly systemName: string;
  /** Names the model and the firmware; long ones end with dots. */
  readonly description: string;
  readonly capabilitiesSupported: readonly string[];
  readonly capabilities: readonly string[];
  readonly managementType: string;
  readonly managementAddress: string;
  readonly ports: readonly {
    readonly port: string;
    readonly type: string;
    readonly id: string;
    readonly description: string;
  }[];
}

export interface Neighbour {
  /** The port of this switch behind which it is. */
  readonly localPort: string;
  readonly chassisType: string;
  readonly chassisId: string;
  readonly portType: string;
  readonly portId: string;
  readonly portDescription: string;
  readonly systemName: string;
  readonly description: string;
  readonly pvid: string;
  readonly capabilitiesSupported: readonly string[];
  readonly capabilities: readonly string[];
  readonly managementAddress: string;
}

const listOf = (text: string): readonly string[] =>
  text
    .split(",")
    .map((item) => item.trim())
    .filter((item) => item !== "");

const localCommand = "show lldp info local-device";
const remoteCommand = "show lldp info remote-device detail";

/** @throws DriverError `protocol_mismatch` for anything else. */
export const parseLldpSelf = (text: string): LldpSelf => {
  const fields = fieldsOf(linesOf(text, localCommand));
  const chassisId = textUnder(fields, "Chassis Id");
  if (chassisId === "") throw unexpected(localCommand, "a chassis id", text);
  const ports = readTable(text, localCommand, {
    port: { title: /^Port$/, cell: portCell },
    type: { title: /^PortType$/ },
    id: { title: /^PortId$/ },
    description: { title: /^PortDesc$/ },
  });
  return {
    chassisType: textUnder(fields, "Chassis Type"),
    chassisId,
    systemName: textUnder(fields, "System Name"),
    description: textUnder(fields, "System Description"),
    capabilitiesSupported: listOf(textUnder(fields, "System Capabilities Supported")),
    capabilities: listOf(textUnder(fields, "System Capabilities Enabled")),
    managementType: textUnder(fields, "Type"),
    managementAddress: textUnder(fields, "Address"),
    ports,
  };
};

/** The neighbours, in the order of the switch; none when the switch sees none. @throws DriverError `protocol_mismatch`. */
export const parseNeighbours = (text: string): readonly Neighbour[] => {
  const lines = linesOf(text, remoteCommand);
  if (!lines.some((line) => /LLDP Remote Device/i.test(line))) throw unexpected(remoteCommand, "its title", text);
  const [, ...groups] = groupsBy(fieldsOf(lines), "Local Port");
  return groups.map((fields) => {
    const [localPort, chassisId] = [textUnder(fields, "Local Port"), textUnder(fields, "ChassisId")];
    if (!/^[\w/-]+$/.test(localPort) || chassisId === "")
      throw unexpected(remoteCommand, "a local port and a chassis id for each neighbour", `${localPort} ${chassisId}`);
    return {
      localPort: namedPort(localPort).port,
      chassisType: textUnder(fields, "ChassisType"),
      chassisId,
      portType: textUnder(fields, "PortType"),
      portId: textUnder(fields, "PortId"),
      portDescription: textUnder(fields, "PortDescr"),
      systemName: textUnder(fields, "SysName"),
      description: textUnder(fields, "System Descr"),
      pvid: textUnder(fields, "Pvid"),
      capabilitiesSupported: listOf(textUnder(fields, "System Capabilities Supported")),
      capabilities: listOf(textUnder(fields, "System Capabilities Enabled")),
      managementAddress: textUnder(fields, "Address"),
    };
  });
};

/** Whether a neighbour passes other people's traffic on: a switch or a router, but no access point. */
export const isSwitch = ({ capabilities }: Pick<Neighbour, "capabilities">): boolean =>
  !capabilities.includes("wlan-access-point") && capabilities.some((each) => each === "bridge" || each === "router");
