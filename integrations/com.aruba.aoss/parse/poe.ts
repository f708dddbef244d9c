/** What `show power-over-ethernet brief` says, in its layouts of 15.x and of 16.x. */
import { namedPort } from "./interfaces.ts";
import { linesOf } from "./problem.ts";
import { readTable } from "./table.ts";

export type PoeStatus = "delivering" | "searching" | "disabled" | "fault" | "denied" | "test" | "other";
export type PoePriority = "low" | "high" | "critical";

export interface PoeRow {
  readonly port: string;
  readonly isEnabled: boolean;
  readonly priority: PoePriority;
  /** How the power is allocated: `usage`, `class`, `value` ... */
  readonly allocatedBy: string;
  /** Watts that the device draws. */
  readonly drawW: number;
  /** Watts kept for it. */
  readonly reservedW: number | null;
  readonly status: PoeStatus;
  readonly powerClass: number | null;
}

export interface PoeBudget {
  /** The line above it, such as `Member 1 Power`; empty for the whole switch. */
  readonly part: string;
  readonly availableW: number;
  readonly usedW: number;
  readonly remainingW: number;
}

const command = "show power-over-ethernet brief";
const watts = /^\d+(?:\.\d+)? ?W?$/;
const statuses: Readonly<Record<string, PoeStatus>> = {
  delivering: "delivering",
  searching: "searching",
  disabled: "disabled",
  fault: "fault",
  "other fault": "fault",
  denied: "denied",
  "pd denied": "denied",
  test: "test",
};

const wattsOf = (cell: string): number => Number.parseFloat(cell);

/** @throws DriverError `protocol_mismatch` for anything that is no such table. */
export const parsePoeBrief = (text: string): readonly PoeRow[] =>
  readTable(text, command, {
    port: { title: /^PoE Port$/, cell: /^(?:\d{1,2}\/){0,2}[A-Z]?\d{1,3}(?:-\S+)?$/ },
    enabled: { title: /^(?:Pwr Enab|Power Enable)$/, cell: /^(?:yes|no)$/i },
    priority: { title: /^(?:Pwr|Power) Priority$/, cell: /^(?:low|high|critical)$/i },
    allocatedBy: { title: /^(?:Alloc Cfg|Alloc By)$/, cell: /^(?:\w+)?$/ },
    reserved: { title: /^(?:PSE Pwr Rsrvd|Alloc Power)$/, cell: watts, isOptional: true },
    draw: { title: /^(?:PD Pwr Draw|Actual Power)$/, cell: watts },
    status: { title: /^(?:PoE Port Status|Detection Status)$/, cell: /^[A-Za-z][A-Za-z ]*$/ },
    powerClass: { title: /^(?:PLC Cls|Power Class)$/, cell: /^[\d-]*$/ },
  }).map((row) => ({
    port: namedPort(row.port).port,
    isEnabled: row.enabled.toLowerCase() === "yes",
    priority: row.priority.toLowerCase() as PoePriority,
    allocatedBy: row.allocatedBy,
    drawW: wattsOf(row.draw),
    reservedW: row.reserved === "" ? null : wattsOf(row.reserved),
    status: statuses[row.status.toLowerCase()] ?? "other",
    powerClass: /^\d+$/.test(row.powerClass) ? Number(row.powerClass) : null,
  }));

const budget = /Available:\s*([\d,.]+)\s*W\s+Used:\s*([\d,.]+)\s*W\s+Remaining:\s*([\d,.]+)\s*W/;
const number = (text: string | undefined): number => Number((text ?? "").replaceAll(",", ""));

/** The power of the whole switch, and of each member or module that has a line of its own. */
export const parsePoeBudgets = (text: string): readonly PoeBudget[] => {
  const lines = linesOf(text, command);
  return lines.flatMap((line, at): PoeBudget[] => {
    const match = budget.exec(line);
    if (match === null) return [];
    const above = lines[at - 1]?.trim() ?? "";
    const [, available, used, remaining] = match;
    const part = /^(?:Member|Module|Slot)\b/.test(above) ? above : "";
    return [{ part, availableW: number(available), usedW: number(used), remainingW: number(remaining) }];
  });
};
