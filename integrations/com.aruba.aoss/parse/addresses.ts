/** Which addresses live where: `show arp`, `show mac-address`, `show ip`, `show ip ssh`. */
import { fieldsOf, textUnder } from "./fields.ts";
import { namedPort } from "./interfaces.ts";
import { linesOf } from "./problem.ts";
import { readTable } from "./table.ts";

const mac = /^[0-9a-f]{6}-[0-9a-f]{6}$/i;
const address = /^[0-9a-fA-F.:]+$/;

export interface ArpRow {
  readonly ip: string;
  readonly mac: string;
  readonly type: string;
  /** Empty when the switch does not know it. */
  readonly port: string;
}
export const parseArp = (text: string): readonly ArpRow[] =>
  readTable(text, "show arp", {
    ip: { title: /^IP Address$/, cell: address },
    mac: { title: /^MAC Address$/, cell: mac },
    type: { title: /^Type$/, cell: /^\w+$/ },
    port: { title: /^Port$/, cell: /^\S*$/ },
  });

export interface MacRow {
  readonly mac: string;
  /** A port or a trunk. */
  readonly port: string;
  readonly vlan: string;
}
export const parseMacAddresses = (text: string): readonly MacRow[] =>
  readTable(text, "show mac-address", {
    mac: { title: /^MAC Address$/, cell: mac },
    port: { title: /^Port$/, cell: /^\S+$/ },
    vlan: { title: /^VLAN$/, cell: /^\d*$/, isOptional: true },
  }).map((row) => ({ ...row, port: namedPort(row.port).port }));

export interface IpRow {
  readonly vlan: string;
  readonly config: string;
  readonly ip: string;
  readonly mask: string;
}
/** `gateway` is empty where none is set. */
export const parseIp = (text: string): { readonly gateway: string; readonly rows: readonly IpRow[] } => ({
  gateway: textUnder(fieldsOf(linesOf(text, "show ip")), "Default Gateway"),
  rows: readTable(text, "show ip", {
    vlan: { title: /^VLAN$/, cell: /^.+$/ },
    config: { title: /^IP Config$/, cell: /^[A-Za-z/ ]+$/ },
    ip: { title: /^IP Address$/, cell: /^[0-9a-fA-F.:/]*$/ },
    mask: { title: /^Subnet Mask$/, cell: /^[0-9.]*$/ },
  }),
});

/** Where the open ssh sessions come from. */
export const parseSshSessions = (text: string): readonly string[] =>
  readTable(text, "show ip ssh", {
    type: { title: /^(?:Ses )?Type$/, cell: /^\w*$/ },
    source: { title: /^Source IP(?: and Port)?$/ },
  })
    .filter(({ type }) => /^(?:ssh|sftp|scp)$/i.test(type))
    .map(({ source }) => /^(?:::ffff:)?([0-9a-fA-F.:]+)/.exec(source)?.[1] ?? "")
    .filter((source) => source !== "");
