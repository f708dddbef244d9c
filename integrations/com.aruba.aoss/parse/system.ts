/** What `show system` and a crash record say of the switch and its members. */
import { type Field, fieldsOf, groupsBy, textUnder } from "./fields.ts";
import { countOf } from "./interfaces.ts";
import { linesOf, unexpected } from "./problem.ts";

/** One member; a switch that is no stack has one with an empty id. */
export interface SystemMember {
  readonly id: string;
  readonly romVersion: string;
  readonly upTime: string;
  readonly cpuPercent: number | null;
  readonly mac: string;
  readonly serial: string;
  readonly memoryTotal: number | null;
  readonly memoryFree: number | null;
}

export interface SystemInfo {
  readonly name: string;
  readonly contact: string;
  readonly location: string;
  readonly macAge: string;
  readonly timezone: string;
  readonly daylightRule: string;
  readonly softwareVersion: string;
  readonly baseMac: string;
  readonly members: readonly SystemMember[];
}

const command = "show system";
const numberIn = (text: string): number | null => (/^[\d,]+%?$/.test(text) ? countOf(text.replace("%", "")) : null);
const firstOf = (fields: readonly Field[], ...names: readonly string[]): string =>
  names.map((name) => textUnder(fields, name)).find((value) => value !== "") ?? "";

const memberOf = (fields: readonly Field[], base: readonly Field[]): SystemMember => ({
  id: firstOf(fields, "VSF-Member", "Member"),
  romVersion: textUnder(fields, "ROM Version"),
  upTime: textUnder(fields, "Up Time"),
  cpuPercent: numberIn(textUnder(fields, "CPU Util (%)")),
  mac: firstOf(fields, "MAC Addr") || firstOf(base, "Base MAC Addr"),
  serial: textUnder(fields, "Serial Number"),
  memoryTotal: numberIn(firstOf(fields, "Memory - Total")),
  memoryFree: numberIn(firstOf(fields, "Free")),
});

/** @throws DriverError `protocol_mismatch` when there is no software revision. */
export const parseSystem = (text: string): SystemInfo => {
  const fields = fieldsOf(linesOf(text, command));
  const softwareVersion = textUnder(fields, "Software revision");
  if (!/^[A-Z]{1,2}\.\d+\.\S+$/.test(softwareVersion)) throw unexpected(command, "a software revision", text);
  const [base = [], ...vsf] = groupsBy(fields, "VSF-Member");
  const [, ...stack] = groupsBy(fields, "Member");
  const groups = [...vsf, ...stack];
  return {
    name: textUnder(fields, "System Name"),
    contact: textUnder(fields, "System Contact"),
    location: textUnder(fields, "System Location"),
    macAge: textUnder(fields, "MAC Age Time (sec)"),
    timezone: textUnder(fields, "Time Zone"),
    daylightRule: textUnder(fields, "Daylight Time Rule"),
    softwareVersion,
    baseMac: textUnder(fields, "Base MAC Addr"),
    members: (groups.length === 0 ? [fields] : groups).map((group) => memberOf(group, base)),
  };
};

/** The head of a crash record in `show tech buffers`; null when the switch keeps none. */
export interface CrashRecord {
  readonly product: string;
  readonly name: string;
  readonly date: string;
  readonly build: string;
  readonly version: string;
  readonly cpu: string;
}
export const parseCrashRecord = (text: string): CrashRecord | null => {
  const lines = linesOf(text, "show tech buffers");
  const start = lines.findIndex((line) => /Crash Log File Header/i.test(line));
  if (start === -1) return null;
  const fields = fieldsOf(lines.slice(start + 1, start + 10));
  const [product, version] = [textUnder(fields, "Product"), textUnder(fields, "Version")];
  if (product === "" || version === "") throw unexpected("show tech buffers", "a crash record's head", text);
  return {
    product,
    name: textUnder(fields, "Name"),
    date: textUnder(fields, "Date"),
    build: textUnder(fields, "Build"),
    version,
    cpu: textUnder(fields, "CPU"),
  };
};
