/** The names of ports, and lists and ranges of them, as standalone, modular and stacked switches write them. */
import { DriverError } from "switchyard/sdk";

/** `24`, `A1`, `1/24`, `2/B4` or `1/1/24`, taken apart. */
export interface Port {
  /** The member of a stack; null on a switch by itself. */
  readonly member: number | null;
  /** The module: a letter, or a number in names with three parts; null when there is none. */
  readonly slot: string | null;
  readonly number: number;
}

const most = { member: 16, port: 128, ports: 1_024 } as const;
const form = /^(?:([1-9]\d?)\/)?(?:([1-9]\d?)\/|([A-Z]))?([1-9]\d{0,2})$/;

/** The port of a name; null when it is none. */
export const portOf = (text: string): Port | null => {
  const match = form.exec(text);
  if (match === null) return null;
  const [, member, numbered, lettered, digits = ""] = match;
  const slot = numbered ?? lettered ?? null;
  const port = { member: member === undefined ? null : Number(member), slot, number: Number(digits) };
  return (port.member ?? 1) <= most.member && port.number <= most.port ? port : null;
};

export const nameOf = ({ member, slot, number }: Port): string => {
  const isNumbered = slot !== null && /^\d/.test(slot);
  return `${member === null ? "" : `${member}/`}${slot ?? ""}${isNumbered ? "/" : ""}${number}`;
};

/** Members first, then modules, then numbers. */
export const comparePorts = (one: Port, other: Port): number =>
  (one.member ?? 0) - (other.member ?? 0) ||
  (one.slot ?? "").localeCompare(other.slot ?? "", "en", { numeric: true }) ||
  one.number - other.number;

const refuse = (text: string, why: string): never => {
  throw new DriverError(
    "target_not_found",
    `"${text}" names no ports: ${why} Expected ports and ranges such as 24, A1, 1/24, 2/B4, 1/1-1/4 or A1-A8, joined by commas.`,
    { ports: text.slice(0, 200) },
  );
};

const rangeOf = (item: string, text: string): readonly Port[] => {
  const [first = "", last = first, ...more] = item.split("-");
  const [from, to] = [portOf(first), portOf(last)];
  if (more.length > 0 || from === null || to === null) return refuse(text, `"${item}" is neither a port nor a range.`);
  if (from.member !== to.member) {
    return refuse(
      text,
      `the range ${item} runs across members, which have ports of their own number: write one range for each member.`,
    );
  }
  if (from.slot !== to.slot)
    return refuse(text, `the range ${item} runs across modules: write one range for each module.`);
  if (from.number > to.number) return refuse(text, `the range ${item} runs backwards.`);
  return Array.from({ length: to.number - from.number + 1 }, (_, at) => ({ ...from, number: from.number + at }));
};

/**
 * The ports of a list such as `1/1-1/4,1/7,2/B4`: each once, in order.
 * @throws DriverError `target_not_found` with the reason.
 */
export const parsePorts = (text: string): readonly Port[] => {
  const items = text.split(",");
  if (items.some((item) => item === "")) return refuse(text, "an entry is empty.");
  const ports = new Map(items.flatMap((item) => rangeOf(item, text)).map((port) => [nameOf(port), port]));
  if (ports.size > most.ports) return refuse(text, `these are ${ports.size} ports, at most ${most.ports} go together.`);
  const shapes = new Set([...ports.values()].map(({ member }) => member === null));
  if (shapes.size > 1) return refuse(text, "some ports name a member of a stack and others do not.");
  return [...ports.values()].sort(comparePorts);
};

const follows = (one: Port, other: Port): boolean =>
  one.member === other.member && one.slot === other.slot && other.number === one.number + 1;

/** The fewest ranges that hold these ports and no other; each stays within one member and module. */
export const rangesOf = (ports: readonly Port[]): readonly string[] => {
  const runs: Port[][] = [];
  for (const port of [...ports].sort(comparePorts)) {
    const run = runs.at(-1);
    const end = run?.at(-1);
    if (run === undefined || end === undefined || !follows(end, port)) runs.push([port]);
    else run.push(port);
  }
  return runs.map((run) => {
    const [first, last] = [run[0], run.at(-1)];
    if (first === undefined || last === undefined) return "";
    return first === last ? nameOf(first) : `${nameOf(first)}-${nameOf(last)}`;
  });
};
