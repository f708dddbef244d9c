/** What a simulated ArubaOS-Switch holds: ports, power, neighbours, configuration; commands change it for real. */
import { type LabNetwork, networkOf } from "./network.ts";

export type SwitchKind = "standalone" | "modular" | "stack";

export interface LabPoe {
  enabled: boolean;
  priority: "low" | "high" | "critical";
  /** What hangs on the port; null for nothing that takes power. */
  readonly device: { readonly powerClass: number; readonly watts: number } | null;
}

export interface LabNeighbour {
  readonly name: string;
  readonly description: string;
  readonly chassis: string;
  readonly portId: string;
  readonly capabilities: string;
}

export interface LabPort {
  readonly name: string;
  readonly ifIndex: number;
  /** The member of a stack or the module of a chassis; 1 on a switch by itself. */
  readonly group: number;
  /** The number within the group. */
  readonly number: number;
  readonly type: string;
  readonly trunk: string | null;
  readonly neighbour: LabNeighbour | null;
  readonly poe: LabPoe | null;
  /** Whether a cable with something at its end is in it. */
  readonly isPlugged: boolean;
  alias: string;
  admin: boolean;
}

export interface LabMember {
  readonly id: number;
  readonly mac: string;
  readonly serial: string;
  readonly role: "Commander" | "Standby" | "Member";
}

export interface LabSwitch {
  readonly kind: SwitchKind;
  readonly product: string;
  readonly model: string;
  readonly firmware: string;
  readonly hostname: string;
  readonly mac: string;
  readonly members: readonly LabMember[];
  readonly ports: readonly LabPort[];
  readonly budgetW: number;
  readonly network: LabNetwork;
  /** The configuration that a reboot brings back. */
  saved: PortConfig;
  startedAt: number;
}

/** What the configuration says of each port, by name. */
export type PortConfig = ReadonlyMap<
  string,
  Pick<LabPort, "alias" | "admin"> & { poe: Pick<LabPoe, "enabled" | "priority"> | null }
>;

const models = {
  standalone: { product: "JL255A", model: "2930F-24G-PoE+-4SFP+ Switch", firmware: "WC.16.11.0012" },
  modular: { product: "J9850A", model: "5406Rzl2 Switch", firmware: "KB.16.11.0012" },
  stack: { product: "JL255A", model: "2930F-24G-PoE+-4SFP+ Switch VSF VC", firmware: "WC.16.11.0012" },
} as const;

const core: LabNeighbour = {
  name: "core-1",
  description: "HP J9850A Switch 5406Rzl2, revision KB.16.11.0012, ROM KB.16.01",
  chassis: "3863bb-0a0b00",
  portId: "A1",
  capabilities: "bridge, router",
};
const accessPoint = (number: number): LabNeighbour => ({
  name: `ap-${number}`,
  description: "ArubaOS (MODEL: 515), Version 8.10.0.6",
  chassis: `204c03-00000${number}`,
  portId: "eth0",
  capabilities: "bridge, wlan-access-point",
});

const groups: Readonly<Record<SwitchKind, readonly number[]>> = { standalone: [1], modular: [1, 2], stack: [1, 2, 3] };
const nameFor: Readonly<Record<SwitchKind, (group: number, number: number) => string>> = {
  standalone: (_, number) => String(number),
  modular: (group, number) => `${String.fromCharCode(64 + group)}${number}`,
  stack: (group, number) => `${group}/${number}`,
};
const portsInGroup = 28;
const copperPorts = 24;

/** Phones hang on the first ports of each group, access points on the next two. */
const deviceFor = (number: number): LabPoe["device"] => {
  if (number <= 6) return { powerClass: 2, watts: 3.2 };
  return number <= 8 ? { powerClass: 4, watts: 11.5 } : null;
};

const neighbourFor = (number: number): LabNeighbour | null => {
  if (number === 25) return core;
  return number === 7 || number === 8 ? accessPoint(number) : null;
};

const portFor = (kind: SwitchKind, group: number, number: number): LabPort => {
  const isCopper = number <= copperPorts;
  const isTrunk = group === 1 && number >= 27;
  return {
    name: nameFor[kind](group, number),
    ifIndex: (group - 1) * 32 + number,
    group,
    number,
    type: isCopper ? "100/1000T" : "SFP+SR",
    trunk: isTrunk ? "Trk1" : null,
    neighbour: group === 1 ? neighbourFor(number) : null,
    poe: isCopper ? { enabled: true, priority: "low", device: deviceFor(number) } : null,
    isPlugged: number <= 12 || (group === 1 && number >= 25),
    alias: number === 1 ? `desk ${group}` : "",
    admin: true,
  };
};

const roles = ["Commander", "Standby", "Member"] as const;

export const isDelivering = ({ poe, admin }: LabPort): boolean => admin && poe?.enabled === true && poe.device !== null;

/** What takes its power from the port has no link without it. */
export const isUp = (port: LabPort): boolean =>
  port.admin && port.isPlugged && (port.poe === null || port.poe.device === null || isDelivering(port));

export const drawOf = (port: LabPort): number => (isDelivering(port) ? (port.poe?.device?.watts ?? 0) : 0);

/** The configuration of the moment. */
export const configOf = ({ ports }: Pick<LabSwitch, "ports">): PortConfig =>
  new Map(
    ports.map(({ name, alias, admin, poe }) => [
      name,
      { alias, admin, poe: poe === null ? null : { enabled: poe.enabled, priority: poe.priority } },
    ]),
  );

export const isSaved = (device: LabSwitch): boolean =>
  JSON.stringify([...device.saved]) === JSON.stringify([...configOf(device)]);

/** Starts anew with what was saved. */
export const restart = (device: LabSwitch, now: number): void => {
  for (const port of device.ports) {
    const saved = device.saved.get(port.name);
    if (saved === undefined) continue;
    port.alias = saved.alias;
    port.admin = saved.admin;
    if (port.poe !== null && saved.poe !== null) Object.assign(port.poe, saved.poe);
  }
  device.startedAt = now;
};

export const createSwitch = (kind: SwitchKind, now: number): LabSwitch => {
  const ports = groups[kind].flatMap((group) =>
    Array.from({ length: portsInGroup }, (_, at) => portFor(kind, group, at + 1)),
  );
  const members = groups[kind === "stack" ? "stack" : "standalone"].map(
    (id): LabMember => ({
      id,
      mac: `548028-aabb0${id}`,
      serial: `CN00LAB00${id}`,
      role: roles[id - 1] ?? "Member",
    }),
  );
  return {
    kind,
    ...models[kind],
    hostname: `lab-${kind}`,
    mac: "548028-aabb00",
    members,
    ports,
    budgetW: 370,
    network: networkOf(ports.find(({ neighbour }) => neighbour === core)?.name ?? null),
    saved: configOf({ ports }),
    startedAt: now,
  };
};
