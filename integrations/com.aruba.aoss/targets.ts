/** The inventory: ports, members of the stack, and the switch itself. */
import type { SnmpClient, Target } from "switchyard/sdk";
import type { AossModel } from "./model.ts";
import { parseInterfacesBrief, parseInterfacesStatus, speedOf } from "./parse/interfaces.ts";
import { type PoeRow, parsePoeBrief } from "./parse/poe.ts";
import type { StackMember } from "./parse/stack.ts";
import type { SystemInfo } from "./parse/system.ts";
import { type Show, showIfKnown, showNeighbours } from "./show.ts";
import { readPorts, type SnmpPort } from "./snmp/ports.ts";

/** Fields that are not known are left out. */
const known = (attrs: Readonly<Record<string, string | number | null | undefined>>): Target["attrs"] =>
  Object.fromEntries(
    Object.entries(attrs).filter(
      (entry): entry is [string, string | number] => entry[1] !== null && entry[1] !== undefined && entry[1] !== "",
    ),
  );

const upDown = (is: boolean | null): string | null => (is === null ? null : is ? "up" : "down");

const snmpTarget = ({ name, alias, isEnabled, isUp, speedMbps, poe, neighbour, ifIndex }: SnmpPort): Target => ({
  type: "port",
  external_id: name,
  name: alias || name,
  attrs: known({
    link: upDown(isUp) ?? "down",
    media: "ethernet",
    admin: upDown(isEnabled),
    speed_mbps: isUp === true && speedMbps !== 0 ? speedMbps : null,
    poe_status: poe?.status,
    poe_admin: poe === null ? null : poe.isEnabled ? "on" : "off",
    poe_priority: poe?.priority,
    poe_class: poe?.status === "delivering" ? poe.powerClass : null,
    neighbour: neighbour?.name,
    if_index: ifIndex,
    source: "snmp",
  }),
  labels: {},
});

export interface PortTargets {
  readonly targets: readonly Target[];
  readonly notes: readonly string[];
}

export const portsBySnmp = async (snmp: SnmpClient): Promise<PortTargets> => {
  const { ports, notes } = await readPorts(snmp);
  return { targets: ports.map(snmpTarget), notes };
};

const poeAttrs = ({ status, isEnabled, priority, drawW, powerClass }: PoeRow) => ({
  poe_status: status,
  poe_admin: isEnabled ? "on" : "off",
  poe_priority: priority,
  poe_power_w: drawW,
  poe_class: status === "delivering" ? powerClass : null,
});

/** The command line knows what SNMP does not: the kind of transceiver, and what each device draws. */
export const portsByCli = async (show: Show): Promise<PortTargets> => {
  const rows = parseInterfacesBrief(await show("show interfaces brief"));
  const status = await showIfKnown(show, "show interfaces status");
  const names = new Map((status === null ? [] : parseInterfacesStatus(status)).map(({ port, name }) => [port, name]));
  const power = await showIfKnown(show, "show power-over-ethernet brief");
  const poe = new Map((power === null ? [] : parsePoeBrief(power)).map((row) => [row.port, row]));
  const neighbours = new Map((await showNeighbours(show)).map(({ localPort, systemName }) => [localPort, systemName]));
  const targets = rows.map((row): Target => {
    const powered = poe.get(row.port);
    return {
      type: "port",
      external_id: row.port,
      name: names.get(row.port) || row.port,
      attrs: known({
        link: row.isUp ? "up" : "down",
        media: row.type || "none",
        admin: row.isEnabled ? "up" : "down",
        speed_mbps: row.isUp ? speedOf(row.mode)?.mbps : null,
        trunk: row.trunk,
        ...(powered === undefined ? {} : poeAttrs(powered)),
        neighbour: neighbours.get(row.port),
        source: "cli",
      }),
      labels: {},
    };
  });
  return { targets, notes: [] };
};

/** Members that the configuration knows and the stack does not have. */
const absentRoles: ReadonlySet<string> = new Set(["missing", "not joined"]);

export const memberTarget = (member: StackMember): Target => ({
  type: "stack_member",
  external_id: member.id,
  name: `member ${member.id}`,
  attrs: known({
    model: member.model,
    product: member.product,
    status: absentRoles.has(member.role) ? "missing" : "present",
    role: member.role,
    priority: member.priority,
    serial: member.serial,
    mac: member.mac,
  }),
  labels: {},
});

export const systemTarget = (model: AossModel, system: SystemInfo, members: number): Target => ({
  type: "system",
  external_id: "switch",
  name: system.name || "switch",
  attrs: known({
    status: "running",
    model: model.name,
    product: model.product,
    firmware: system.softwareVersion,
    serial: system.members[0]?.serial,
    mac: system.baseMac || system.members[0]?.mac,
    location: system.location,
    members,
  }),
  labels: {},
});
