/** What `show vlans` and `show port-security` say. */
import { namedPort } from "./interfaces.ts";
import { readTable } from "./table.ts";

export interface VlanRow {
  readonly id: number;
  readonly name: string;
  readonly status: string;
  readonly isVoice: boolean;
  /** Null where the switch does not say. */
  readonly isJumbo: boolean | null;
}
export const parseVlans = (text: string): readonly VlanRow[] =>
  readTable(text, "show vlans", {
    id: { title: /^VLAN ID$/, cell: /^\d{1,4}$/ },
    name: { title: /^Name$/, cell: /^.+$/ },
    status: { title: /^Status$/, cell: /^[\w-]+$/ },
    voice: { title: /^Voice$/, cell: /^(?:Yes|No)$/ },
    jumbo: { title: /^Jumbo$/, cell: /^(?:Yes|No)$/, isOptional: true },
  }).map(({ id, name, status, voice, jumbo }) => ({
    id: Number(id),
    name,
    status,
    isVoice: voice === "Yes",
    isJumbo: jumbo === "" ? null : jumbo === "Yes",
  }));

export interface PortSecurityRow {
  readonly port: string;
  readonly learnMode: string;
  readonly action: string;
  readonly eavesdropPrevention: boolean;
}
export const parsePortSecurity = (text: string): readonly PortSecurityRow[] =>
  readTable(text, "show port-security", {
    port: { title: /^Port$/, cell: /^[\w/-]+$/ },
    learnMode: { title: /^Learn Mode$/, cell: /^[A-Za-z-]+$/ },
    action: { title: /^Action$/, cell: /^[A-Za-z, ]+$/ },
    eavesdrop: { title: /^Eavesdrop Prevention$/, cell: /^(?:Enabled|Disabled)$/ },
  }).map(({ port, eavesdrop, ...row }) => ({
    port: namedPort(port).port,
    ...row,
    eavesdropPrevention: eavesdrop === "Enabled",
  }));
