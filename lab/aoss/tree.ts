/** The objects of an SNMP agent in their order: read from a recorded walk, or made from what the switch holds. */
import { drawOf, isDelivering, isUp, type LabPort, type LabSwitch } from "./switch.ts";
import { describe } from "./views.ts";

export type ObjectValue = number | string | Buffer;

export interface SnmpObject {
  readonly oid: string;
  /** The tag of its type: 2 Integer, 4 OctetString, 6 name, 64 address, 65 Counter, 66 Gauge, 67 TimeTicks, 70 Counter64. */
  readonly type: number;
  readonly value: ObjectValue | (() => ObjectValue);
}

const partsOf = (oid: string): readonly number[] => oid.split(".").map(Number);

export const compareOids = (one: string, other: string): number => {
  const [left, right] = [partsOf(one), partsOf(other)];
  for (const [at, part] of left.entries()) {
    const against = right[at];
    if (against === undefined) return 1;
    if (part !== against) return part - against;
  }
  return left.length - right.length;
};

export interface ObjectTree {
  get(oid: string): SnmpObject | undefined;
  /** The first object behind a name; undefined at the end. */
  after(oid: string): SnmpObject | undefined;
}

export const createTree = (objects: readonly SnmpObject[]): ObjectTree => {
  const sorted = [...objects].sort((one, other) => compareOids(one.oid, other.oid));
  const byOid = new Map(sorted.map((object) => [object.oid, object]));
  return {
    get: (oid) => byOid.get(oid),
    after: (oid) => {
      let [low, high] = [0, sorted.length];
      while (low < high) {
        const middle = (low + high) >> 1;
        if (compareOids(sorted[middle]?.oid ?? "", oid) > 0) high = middle;
        else low = middle + 1;
      }
      return sorted[low];
    },
  };
};

const counter64 = (text: string): Buffer => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt(text));
  return bytes;
};

const recorded = (tag: string, text: string): Pick<SnmpObject, "type" | "value"> => {
  const type = Number.parseInt(tag, 10);
  if (tag.endsWith("x")) return { type, value: Buffer.from(text, "hex") };
  if (type === 4 || type === 6 || type === 64) return { type, value: text };
  return type === 70 ? { type, value: counter64(text) } : { type, value: Number(text) };
};

/** The objects of a walk as `name|tag|value` lines. Lines of another form are left out. */
export const objectsIn = (walk: string): readonly SnmpObject[] =>
  walk.split("\n").flatMap((line) => {
    const [, oid, tag = "", text = ""] = /^([\d.]+)\|(\d+x?)\|(.*)$/.exec(line) ?? [];
    return oid === undefined ? [] : [{ oid, ...recorded(tag, text) }];
  });

const integer = (oid: string, value: number): SnmpObject => ({ oid, type: 2, value });
const text = (oid: string, value: string): SnmpObject => ({ oid, type: 4, value });
const gauge = (oid: string, value: number): SnmpObject => ({ oid, type: 66, value });

const speedOf = ({ poe }: LabPort): number => (poe === null ? 10_000 : 1_000);

const interfaceObjects = (port: LabPort): readonly SnmpObject[] => {
  const { ifIndex, name, alias, admin } = port;
  const [table, more] = ["1.3.6.1.2.1.2.2.1", "1.3.6.1.2.1.31.1.1.1"];
  return [
    integer(`${table}.1.${ifIndex}`, ifIndex),
    text(`${table}.2.${ifIndex}`, name),
    integer(`${table}.3.${ifIndex}`, 6),
    integer(`${table}.7.${ifIndex}`, admin ? 1 : 2),
    integer(`${table}.8.${ifIndex}`, isUp(port) ? 1 : 2),
    text(`${more}.1.${ifIndex}`, name),
    gauge(`${more}.15.${ifIndex}`, isUp(port) ? speedOf(port) : 0),
    text(`${more}.18.${ifIndex}`, alias),
  ];
};

const priorities = { critical: 1, high: 2, low: 3 } as const;

const detectionOf = (port: LabPort): number => {
  if (port.poe?.enabled !== true) return 1;
  return isDelivering(port) ? 3 : 2;
};

/** How a switch counts ports in POWER-ETHERNET-MIB: by the interface's index, or within the group. */
export type PoeCounting = "if_index" | "within_group";

const poeObjects = (port: LabPort, counting: PoeCounting): readonly SnmpObject[] => {
  const { poe, group, ifIndex, number } = port;
  if (poe === null) return [];
  const [table, index] = ["1.3.6.1.2.1.105.1.1.1", `${group}.${counting === "if_index" ? ifIndex : number}`];
  return [
    integer(`${table}.3.${index}`, poe.enabled ? 1 : 2),
    integer(`${table}.6.${index}`, detectionOf(port)),
    integer(`${table}.7.${index}`, priorities[poe.priority]),
    integer(`${table}.10.${index}`, (isDelivering(port) ? (poe.device?.powerClass ?? 0) : 0) + 1),
  ];
};

const mainObjects = ({ ports, budgetW }: LabSwitch): readonly SnmpObject[] => {
  const table = "1.3.6.1.2.1.105.1.3.1.1";
  return [...new Set(ports.map(({ group }) => group))].flatMap((group) => {
    const used = ports.filter((port) => port.group === group).reduce((sum, port) => sum + drawOf(port), 0);
    return [
      gauge(`${table}.2.${group}`, budgetW),
      integer(`${table}.3.${group}`, 1),
      gauge(`${table}.4.${group}`, Math.ceil(used)),
    ];
  });
};

const lldpObjects = ({ ifIndex, name, neighbour }: LabPort): readonly SnmpObject[] => {
  const own = [
    text(`1.0.8802.1.1.2.1.3.7.1.3.${ifIndex}`, String(ifIndex)),
    text(`1.0.8802.1.1.2.1.3.7.1.4.${ifIndex}`, name),
  ];
  if (neighbour === null) return own;
  const row = `0.${ifIndex}.1`;
  const table = "1.0.8802.1.1.2.1.4.1.1";
  return [...own, text(`${table}.9.${row}`, neighbour.name), text(`${table}.10.${row}`, neighbour.description)];
};

/** What the switch holds at the moment, as objects. */
export const objectsOf = (device: LabSwitch, counting: PoeCounting, now: () => number): readonly SnmpObject[] => [
  text("1.3.6.1.2.1.1.1.0", describe(device)),
  { oid: "1.3.6.1.2.1.1.2.0", type: 6, value: "1.3.6.1.4.1.11.2.3.7.11.181.15" },
  { oid: "1.3.6.1.2.1.1.3.0", type: 67, value: () => Math.floor((now() - device.startedAt) / 10) % 2 ** 32 },
  text("1.3.6.1.2.1.1.5.0", device.hostname),
  text("1.3.6.1.2.1.1.6.0", "nowhere"),
  ...device.ports.flatMap((port) => [...interfaceObjects(port), ...poeObjects(port, counting), ...lldpObjects(port)]),
  { oid: "1.3.6.1.2.1.2.2.1.2.1201", type: 4, value: "24" },
  integer("1.3.6.1.2.1.2.2.1.3.1201", 53),
  text("1.3.6.1.2.1.31.1.1.1.1.1201", "24"),
  ...mainObjects(device),
];
