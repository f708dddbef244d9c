/** Which interface a row of POWER-ETHERNET-MIB is about: found by one rule for the whole table, or not at all. */
import { nameOf, type Port, portOf } from "../ports.ts";

export interface Interface {
  readonly ifIndex: number;
  readonly name: string;
  readonly port: Port;
}

/** The composite index of a row: the group is a member or a module. */
export interface PoeIndex {
  readonly group: number;
  readonly port: number;
}

export const poeIndexOf = (index: string): PoeIndex | null => {
  const [, group, port] = /^(\d+)\.(\d+)$/.exec(index) ?? [];
  return group === undefined || port === undefined ? null : { group: Number(group), port: Number(port) };
};

const slotNumber = (slot: string): number => (/^\d+$/.test(slot) ? Number(slot) : slot.charCodeAt(0) - 64);

/** The group in which a port with this name would be counted. */
const groupOf = ({ member, slot }: Port): number => member ?? (slot === null ? 1 : slotNumber(slot));

type Rule = (index: PoeIndex, all: Lookup) => Interface | undefined;
interface Lookup {
  readonly byIndex: ReadonlyMap<number, Interface>;
  readonly interfaces: readonly Interface[];
}

/** The port's number is the ifIndex, or it counts within the group. */
const rules: readonly Rule[] = [
  ({ group, port }, { byIndex }) => {
    const found = byIndex.get(port);
    return found !== undefined && groupOf(found.port) === group ? found : undefined;
  },
  ({ group, port }, { interfaces }) => {
    const found = interfaces.filter((each) => groupOf(each.port) === group && each.port.number === port);
    return found.length === 1 ? found[0] : undefined;
  },
];

const applied = (rule: Rule, rows: readonly PoeIndex[], all: Lookup): readonly string[] | null => {
  const names = rows.map((row) => rule(row, all)?.name);
  const known = names.filter((name) => name !== undefined);
  return known.length === rows.length && new Set(known).size === rows.length ? known : null;
};

/**
 * The name of each row's interface, in the rows' order; null when no rule fits all rows, or two rules disagree: then
 * nothing is joined, rather than something by chance.
 */
export const joinPoe = (rows: readonly PoeIndex[], interfaces: readonly Interface[]): readonly string[] | null => {
  const all = { byIndex: new Map(interfaces.map((each) => [each.ifIndex, each])), interfaces };
  const answers = rules.map((rule) => applied(rule, rows, all)).filter((names) => names !== null);
  const [first, second] = answers;
  if (first === undefined) return null;
  return second === undefined || second.every((name, at) => name === first[at]) ? first : null;
};

/** The interfaces that are ports, by what they are called; others (VLANs, trunks, loopbacks) are left out. */
export const interfaceOf = (ifIndex: number, name: string): Interface | null => {
  const port = portOf(name);
  return port === null ? null : { ifIndex, name: nameOf(port), port };
};
