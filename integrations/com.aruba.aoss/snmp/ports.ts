/** The ports of a switch as SNMP shows them: IF-MIB, POWER-ETHERNET-MIB and LLDP-MIB, joined by interface. */
import type { SnmpClient, SnmpRow } from "switchyard/sdk";
import { type Interface, interfaceOf, joinPoe, poeIndexOf } from "./join.ts";
import { columns, detections, ethernetTypes, oids, priorities } from "./oids.ts";

export interface SnmpPort {
  readonly name: string;
  readonly port: Interface["port"];
  readonly ifIndex: number;
  readonly alias: string;
  /** Null where the agent does not say. */
  readonly isEnabled: boolean | null;
  readonly isUp: boolean | null;
  readonly speedMbps: number | null;
  readonly poe: {
    readonly isEnabled: boolean;
    readonly status: string;
    readonly priority: string | null;
    readonly powerClass: number | null;
  } | null;
  readonly neighbour: { readonly name: string; readonly description: string } | null;
}

export interface SnmpPorts {
  readonly ports: readonly SnmpPort[];
  /** What could not be joined, in words. */
  readonly notes: readonly string[];
}

const numberAt = (row: SnmpRow | undefined, column: number): number | null => {
  const value = row?.columns[column]?.value;
  return typeof value === "number" ? value : null;
};
export const textAt = (row: SnmpRow | undefined, column: number): string => String(row?.columns[column]?.value ?? "");

const table = (client: SnmpClient, name: keyof typeof columns): Promise<readonly SnmpRow[]> =>
  client.table(oids[name], Object.values(columns[name]));

const byIndex = (rows: readonly SnmpRow[]): ReadonlyMap<string, SnmpRow> =>
  new Map(rows.map((row) => [row.index, row]));

/** VLANs and loopbacks may bear names that look like ports: the type decides where the agent tells it. */
const portsIn = (rows: ReadonlyMap<string, SnmpRow>, more: ReadonlyMap<string, SnmpRow>): readonly Interface[] =>
  [...new Set([...rows.keys(), ...more.keys()])].flatMap((index) => {
    const type = numberAt(rows.get(index), columns.interfaces.type);
    if (type !== null && !ethernetTypes.includes(type)) return [];
    const name =
      textAt(more.get(index), columns.interfacesMore.name) || textAt(rows.get(index), columns.interfaces.description);
    return interfaceOf(Number(index), name) ?? [];
  });

const poeOf = (row: SnmpRow): SnmpPort["poe"] => {
  const { admin, detection, priority, powerClass } = columns.poePorts;
  const found = numberAt(row, powerClass);
  return {
    isEnabled: numberAt(row, admin) === 1,
    status: detections[numberAt(row, detection) ?? 0] ?? "other",
    priority: priorities[numberAt(row, priority) ?? 0] ?? null,
    powerClass: found === null ? null : found - 1,
  };
};

const poeByName = (rows: readonly SnmpRow[], interfaces: readonly Interface[], notes: string[]) => {
  const indexes = rows.map(({ index }) => poeIndexOf(index)).filter((index) => index !== null);
  const names = indexes.length === rows.length ? joinPoe(indexes, interfaces) : null;
  if (names === null && rows.length > 0)
    notes.push(`${rows.length} PoE rows fit no rule by which their interfaces could be told; they are left out.`);
  return new Map((names ?? []).map((name, at) => [name, rows[at]]));
};

/** Local port numbers of LLDP are interface indexes where its own table says so, by id or by the port's name. */
const neighboursByName = (
  local: ReadonlyMap<string, SnmpRow>,
  remote: readonly SnmpRow[],
  interfaces: readonly Interface[],
) => {
  const names = new Map(interfaces.map(({ name }) => [name, name]));
  const indexes = new Map(interfaces.map(({ ifIndex, name }) => [String(ifIndex), name]));
  return new Map(
    remote.flatMap((row): [string, SnmpPort["neighbour"]][] => {
      const own = local.get(row.index.split(".")[1] ?? "");
      const { id, description } = columns.lldpLocal;
      const name = names.get(textAt(own, description)) ?? indexes.get(textAt(own, id));
      if (name === undefined) return [];
      const { systemName, systemDescription } = columns.lldpRemote;
      return [[name, { name: textAt(row, systemName), description: textAt(row, systemDescription) }]];
    }),
  );
};

const flag = (value: number | null): boolean | null => (value === null ? null : value === 1);

/** @throws DriverError of the transport: `no_snmp_answer`, `auth_failed` ... */
export const readPorts = async (client: SnmpClient): Promise<SnmpPorts> => {
  // Side by side: a switch far away costs its delay per table, not per column of all of them.
  const [own, ownMore, poe, ports, remote] = await Promise.all([
    table(client, "interfaces"),
    table(client, "interfacesMore"),
    table(client, "poePorts"),
    table(client, "lldpLocal"),
    table(client, "lldpRemote"),
  ]);
  const [rows, more, local] = [byIndex(own), byIndex(ownMore), byIndex(ports)];
  const notes: string[] = [];
  const interfaces = portsIn(rows, more);
  const powered = poeByName(poe, interfaces, notes);
  const neighbours = neighboursByName(local, remote, interfaces);
  const joined = interfaces.map((each): SnmpPort => {
    const [row, extra] = [rows.get(String(each.ifIndex)), more.get(String(each.ifIndex))];
    const poeRow = powered.get(each.name);
    return {
      ...each,
      alias: textAt(extra, columns.interfacesMore.alias),
      isEnabled: flag(numberAt(row, columns.interfaces.admin)),
      isUp: flag(numberAt(row, columns.interfaces.oper)),
      speedMbps: numberAt(extra, columns.interfacesMore.speedMbps),
      poe: poeRow === undefined ? null : poeOf(poeRow),
      neighbour: neighbours.get(each.name) ?? null,
    };
  });
  return { ports: joined, notes };
};
