/** What `show vsf detail` and `show stacking` say of the members of a stack. */
import { type Field, fieldsOf, groupsBy, textUnder } from "./fields.ts";
import { countOf } from "./interfaces.ts";
import { linesOf, refusalIn, unexpected } from "./problem.ts";
import { readTable } from "./table.ts";

export interface StackMember {
  readonly id: string;
  readonly mac: string;
  /** The product number, such as JL255A. */
  readonly product: string;
  readonly model: string;
  readonly priority: number | null;
  /** `commander`, `standby`, `member`, `missing` ... */
  readonly role: string;
  readonly serial: string;
  readonly romVersion: string;
  readonly upTime: string;
  readonly cpuPercent: number | null;
  readonly memoryTotal: number | null;
  readonly memoryFree: number | null;
  /** Links to the other members, in their order. */
  readonly links: readonly string[];
}

export interface Vsf {
  readonly domain: string;
  readonly mac: string;
  readonly topology: string;
  readonly status: string;
  readonly upTime: string;
  readonly mad: string;
  readonly portSpeed: string;
  readonly softwareVersion: string;
  readonly name: string;
  readonly contact: string;
  readonly location: string;
  readonly members: readonly StackMember[];
}

const vsfCommand = "show vsf detail";
const numberIn = (text: string): number | null => {
  const digits = /^([\d,]+)(?:%| bytes)?$/.exec(text)?.[1];
  return digits === undefined ? null : countOf(digits);
};

const memberOf = (fields: readonly Field[]): StackMember => {
  const role = textUnder(fields, "Status");
  const id = textUnder(fields, "Member ID");
  if (!/^\d{1,2}$/.test(id) || role === "") throw unexpected(vsfCommand, "an id and a status for each member", id);
  return {
    id,
    mac: textUnder(fields, "MAC Address"),
    product: textUnder(fields, "Type"),
    model: textUnder(fields, "Model"),
    priority: numberIn(textUnder(fields, "Priority")),
    role: role.toLowerCase(),
    serial: textUnder(fields, "Serial Number"),
    romVersion: textUnder(fields, "ROM Version"),
    upTime: textUnder(fields, "Uptime"),
    cpuPercent: numberIn(textUnder(fields, "CPU Utilization")),
    memoryTotal: numberIn(textUnder(fields, "Memory - Total")),
    memoryFree: numberIn(textUnder(fields, "Free")),
    links: fields.filter(({ label }) => /^#\d+$/.test(label)).map(({ value }) => value),
  };
};

/** A VSF stack; null where the switch has no such command or no such stack. @throws DriverError `protocol_mismatch`. */
export const parseVsf = (text: string): Vsf | null => {
  if (refusalIn(text) !== null || /VSF is (?:not enabled|disabled)/i.test(text)) return null;
  const [base = [], ...groups] = groupsBy(fieldsOf(linesOf(text, vsfCommand)), "Member ID");
  const domain = textUnder(base, "VSF Domain ID");
  if (domain === "" || groups.length === 0) throw unexpected(vsfCommand, "a domain and its members", text);
  return {
    domain,
    mac: textUnder(base, "MAC Address"),
    topology: textUnder(base, "VSF Topology"),
    status: textUnder(base, "VSF Status"),
    upTime: textUnder(base, "Uptime"),
    mad: textUnder(base, "VSF MAD"),
    portSpeed: textUnder(base, "VSF Port Speed"),
    softwareVersion: textUnder(base, "Software Version"),
    name: textUnder(base, "Name"),
    contact: textUnder(base, "Contact"),
    location: textUnder(base, "Location"),
    members: groups.map(memberOf),
  };
};

/** A backplane stack; null where the switch has no such command or is in no stack. @throws DriverError. */
export const parseStacking = (text: string): readonly StackMember[] | null => {
  if (refusalIn(text) !== null || /stacking is (?:not enabled|disabled)/i.test(text)) return null;
  return readTable(text, "show stacking", {
    id: { title: /^(?:Mbr )?ID$/, cell: /^\d{1,2}$/ },
    mac: { title: /^Mac Address$/i, cell: /^(?:[0-9a-f]{6}-[0-9a-f]{6})?$/i },
    model: { title: /^Model$/ },
    priority: { title: /^Pri(?:ority)?$/, cell: /^\d*$/ },
    role: { title: /^Status$/, cell: /^[A-Za-z][A-Za-z ]*$/ },
  }).map(({ id, mac, model, priority, role }) => ({
    id,
    mac,
    product: /\b(J[L\d]\w{3,5})\b/.exec(model)?.[1] ?? "",
    model,
    priority: numberIn(priority),
    role: role.toLowerCase(),
    serial: "",
    romVersion: "",
    upTime: "",
    cpuPercent: null,
    memoryTotal: null,
    memoryFree: null,
    links: [],
  }));
};
