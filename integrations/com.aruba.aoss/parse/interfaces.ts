/** What `show interfaces brief`, `show interfaces status` and `show interfaces` say of ports. */
import { readTable } from "./table.ts";

/** A port or a trunk as a table names it. */
export const portCell = /^(?:\d{1,2}\/){0,2}[A-Z]?\d{1,3}\*?(?:-(?:Trk\d+|Dyn\d+|\.{3}|T\S*))?$|^(?:Trk|Dyn)\d+$/;
const yesNo = /^(?:Yes|No)$/;
const upDown = /^(?:Up|Down)$/;
const onOff = /^(?:on|off)?$/i;
const counter = /^[\d,]+$/;

/** A port as tables name it: `A24-Trk1` is the port A24 in the trunk Trk1; a star marks foreign transceivers. */
export interface NamedPort {
  readonly port: string;
  /** The trunk it belongs to; `...` when the name was cut short; null when it is in none. */
  readonly trunk: string | null;
}
export const namedPort = (cell: string): NamedPort => {
  const [, port = cell, trunk = null] = /^([^-*]+)\*?(?:-(.+))?$/.exec(cell) ?? [];
  return { port, trunk };
};

export interface BriefRow extends NamedPort {
  readonly type: string;
  readonly intrusionAlert: boolean;
  readonly isEnabled: boolean;
  readonly isUp: boolean;
  readonly mode: string;
  readonly mdiMode: string;
  readonly flowControl: string;
  readonly broadcastLimit: string;
}

/** @throws DriverError `protocol_mismatch` for anything that is no such table. */
export const parseInterfacesBrief = (text: string): readonly BriefRow[] =>
  readTable(text, "show interfaces brief", {
    port: { title: /^Port$/, cell: portCell },
    type: { title: /^Type$/ },
    alert: { title: /^Intrusion Alert$/, cell: yesNo },
    enabled: { title: /^Enabled$/, cell: yesNo },
    status: { title: /^Status$/, cell: upDown },
    mode: { title: /^Mode$/, cell: /^(?:\S+)?$/ },
    mdi: { title: /^MDI Mode$/, cell: /^(?:NA|MDIX?|Auto)?$/i },
    flow: { title: /^Flow Ctrl$/, cell: onOff },
    limit: { title: /^Bcast Limit$/, cell: /^\d*$/, isOptional: true },
  }).map((row) => ({
    ...namedPort(row.port),
    type: row.type,
    intrusionAlert: row.alert === "Yes",
    isEnabled: row.enabled === "Yes",
    isUp: row.status === "Up",
    mode: row.mode.replace(/\*$/, ""),
    mdiMode: row.mdi,
    flowControl: row.flow,
    broadcastLimit: row.limit,
  }));

export interface StatusRow extends NamedPort {
  readonly name: string;
  readonly isUp: boolean;
  readonly configMode: string;
  readonly speed: string;
  readonly type: string;
  readonly tagged: string;
  readonly untagged: string;
}

export const parseInterfacesStatus = (text: string): readonly StatusRow[] =>
  readTable(text, "show interfaces status", {
    port: { title: /^Port$/, cell: portCell },
    name: { title: /^Name$/ },
    status: { title: /^Status$/, cell: upDown },
    configMode: { title: /^Config-mode$/, cell: /^\S*$/ },
    speed: { title: /^Speed$/, cell: /^\S*$/ },
    type: { title: /^Type$/ },
    tagged: { title: /^Tagged$/, cell: /^(?:No|multi|\d+)$/ },
    untagged: { title: /^Untagged$/, cell: /^(?:No|\d+)$/ },
  }).map(({ port, status, ...row }) => ({ ...namedPort(port), ...row, isUp: status === "Up" }));

export interface CounterRow extends NamedPort {
  readonly totalBytes: number;
  readonly totalFrames: number;
  readonly errorsRx: number;
  readonly dropsTx: number;
  readonly flowControl: string;
  readonly broadcastLimit: string;
}

/** Digits with commas between them, wherever the switch puts these. */
export const countOf = (cell: string): number => Number(cell.replaceAll(",", ""));

export const parseInterfaceCounters = (text: string): readonly CounterRow[] =>
  readTable(text, "show interfaces", {
    port: { title: /^Port$/, cell: portCell },
    bytes: { title: /^Total Bytes$/, cell: counter },
    frames: { title: /^Total Frames$/, cell: counter },
    errors: { title: /^Errors Rx$/, cell: counter },
    drops: { title: /^Drops Tx$/, cell: counter },
    flow: { title: /^Flow Ctrl$/, cell: onOff },
    limit: { title: /^Bcast Limit$/, cell: /^\d*$/, isOptional: true },
  }).map((row) => ({
    ...namedPort(row.port),
    totalBytes: countOf(row.bytes),
    totalFrames: countOf(row.frames),
    errorsRx: countOf(row.errors),
    dropsTx: countOf(row.drops),
    flowControl: row.flow,
    broadcastLimit: row.limit,
  }));

/** Speed and duplex of a mode such as `1000FDx` or `10GigFD`; null for a mode that names none. */
export const speedOf = (mode: string): { readonly mbps: number; readonly duplex: "full" | "half" } | null => {
  const match = /^(\d+(?:\.\d+)?)(Gig)?([FH])Dx?$/i.exec(mode);
  if (match === null) return null;
  const [, number = "", gig, duplex = ""] = match;
  return {
    mbps: Number(number) * (gig === undefined ? 1 : 1_000),
    duplex: duplex.toUpperCase() === "F" ? "full" : "half",
  };
};
