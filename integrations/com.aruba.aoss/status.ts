/** What the read capabilities answer: what the switch is made of, how it fares, and where its power goes. */
import type { JsonObject, SnmpClient } from "switchyard/sdk";
import type { SnmpAnswer } from "./facts.ts";
import { parseInterfaceCounters } from "./parse/interfaces.ts";
import { type PoeBudget, parsePoeBrief, parsePoeBudgets } from "./parse/poe.ts";
import type { SystemInfo, SystemMember } from "./parse/system.ts";
import { parseVlans } from "./parse/vlans.ts";
import { type Show, showIfKnown, showNeighbours } from "./show.ts";
import { columns, oids, supplies } from "./snmp/oids.ts";

const busyPercent = 90;
const fullShare = 0.95;

export const readVlans = async (show: Show): Promise<JsonObject[]> => {
  const text = await showIfKnown(show, "show vlans");
  const rows = text === null ? [] : parseVlans(text);
  return rows.map(({ id, name, status, isVoice, isJumbo }) => ({ id, name, status, voice: isVoice, jumbo: isJumbo }));
};

export const readNeighbours = async (show: Show): Promise<JsonObject[]> =>
  (await showNeighbours(show)).map(({ localPort, systemName, chassisId, portId, description, capabilities }) => ({
    port: localPort,
    name: systemName,
    chassis: chassisId,
    remote_port: portId,
    description,
    capabilities: [...capabilities],
  }));

const budgetOf = ({ part, availableW, usedW, remainingW }: PoeBudget): JsonObject => ({
  part,
  available_w: availableW,
  used_w: usedW,
  remaining_w: remainingW,
});

/** Null where the switch has no power over its ports. */
export const readPoe = async (show: Show): Promise<{ budgets: JsonObject[]; ports: JsonObject[] } | null> => {
  const text = await showIfKnown(show, "show power-over-ethernet brief");
  if (text === null) return null;
  const ports = parsePoeBrief(text).map((row) => ({
    port: row.port,
    state: row.isEnabled ? "on" : "off",
    level: row.priority,
    status: row.status,
    power_class: row.powerClass,
    draw_w: row.drawW,
    reserved_w: row.reservedW,
  }));
  return { budgets: parsePoeBudgets(text).map(budgetOf), ports };
};

/** The supplies of power as POWER-ETHERNET-MIB tells them; none where SNMP says nothing. */
export const readSupplies = async (snmp: SnmpClient, { self }: SnmpAnswer): Promise<JsonObject[]> => {
  if (self === null) return [];
  const { powerW, status, usedW } = columns.poeMain;
  const rows = await snmp.table(oids.poeMain, Object.values(columns.poeMain));
  const number = (value: unknown): number | null => (typeof value === "number" ? value : null);
  return rows.map(({ index, columns: found }) => ({
    group: Number(index),
    status: supplies[number(found[status]?.value) ?? 0] ?? "unknown",
    power_w: number(found[powerW]?.value),
    used_w: number(found[usedW]?.value),
  }));
};

export const memberFacts = (member: SystemMember): JsonObject => ({
  id: member.id,
  serial: member.serial,
  mac: member.mac,
  rom: member.romVersion,
  up_time: member.upTime,
  cpu_percent: member.cpuPercent,
  memory_total: member.memoryTotal,
  memory_free: member.memoryFree,
});

const nameOf = ({ id }: SystemMember): string => (id === "" ? "the switch" : `member ${id}`);

const memberProblems = ({ members }: SystemInfo): string[] =>
  members
    .filter(({ cpuPercent }) => (cpuPercent ?? 0) >= busyPercent)
    .map((member) => `the processor of ${nameOf(member)} is at ${member.cpuPercent}%`);

const powerProblems = (budgets: readonly JsonObject[], power: readonly JsonObject[]): string[] => [
  ...budgets
    .filter(({ available_w, used_w }) => Number(available_w) > 0 && Number(used_w) >= Number(available_w) * fullShare)
    .map(
      ({ part, available_w, used_w }) => `${part || "the switch"} uses ${used_w} of ${available_w} W of its PoE power`,
    ),
  ...power
    .filter(({ status }) => status === "faulty")
    .map(({ group }) => `the PoE power supply of group ${group} is faulty`),
];

/** How the switch fares; `degraded` when something is wrong, each thing in `problems`. */
export const healthOf = async (
  show: Show,
  { system, snmp, power }: { system: SystemInfo; snmp: SnmpAnswer; power: readonly JsonObject[] },
): Promise<JsonObject> => {
  const counters = await showIfKnown(show, "show interfaces");
  const errors = (counters === null ? [] : parseInterfaceCounters(counters))
    .filter(({ errorsRx, dropsTx }) => errorsRx > 0 || dropsTx > 0)
    .map(({ port, errorsRx, dropsTx }) => ({ port, errors_rx: errorsRx, drops_tx: dropsTx }));
  const poe = await readPoe(show);
  const problems = [
    ...memberProblems(system),
    ...powerProblems(poe?.budgets ?? [], power),
    ...(snmp.problem === null ? [] : [`SNMP: ${snmp.problem}`]),
  ];
  return {
    status: problems.length === 0 ? "ok" : "degraded",
    problems,
    firmware: system.softwareVersion,
    members: system.members.map(memberFacts),
    poe: poe?.budgets ?? [],
    power_supplies: [...power],
    ports_with_errors: errors,
  };
};
