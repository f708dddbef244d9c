/** Faults as a person reads them: place first, as compilers say it, so that editors jump there. */
import { join } from "node:path";
import type { Fault } from "../../packs/faults.ts";
import { call } from "../called.ts";
import { oneLine, type Terminal } from "../view/terminal.ts";
import type { LookedPack } from "./look.ts";

const placeOf = (folder: string, { file, line, column }: Fault): string =>
  file === undefined ? "" : [join(folder, file), line, column].filter((part) => part !== undefined).join(":");

/** One line for each fault, its file as it is reached from here. */
export const printFaults = (terminal: Terminal, folder: string, faults: readonly Fault[]): void => {
  for (const fault of faults) {
    const place = placeOf(folder, fault);
    const pointer = fault.pointer === undefined ? "" : `${terminal.style("yellow", oneLine(fault.pointer))} `;
    const head = place === "" ? "" : `${terminal.style("bold", oneLine(place))}: `;
    terminal.print(`${head}${pointer}${oneLine(fault.message)} ${terminal.style("dim", `(${fault.code})`)}`);
  }
};

const counted = (count: number): string => (count === 1 ? "1 fault" : `${count} faults`);

/** How many there are, for the end. */
export const summaryOf = ({ pack, faults }: LookedPack): string =>
  `${counted(faults.length)}: ${pack?.id ?? "the pack"} would not be valid.`;

/** What an admin will be asked for at the install of what lies at this path. */
export const printPermissions = (terminal: Terminal, path: string, { pack }: LookedPack): void => {
  const permissions = pack?.permissions ?? [];
  if (permissions.length === 0) return;
  terminal.note(`An install asks an admin for: ${permissions.map(oneLine).join(", ")}`);
  terminal.note(`Grant it with: ${call("install", path, "--consent")}`);
};
