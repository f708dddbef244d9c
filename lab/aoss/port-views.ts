/** What the `show` commands print of ports. */
import { type PrintedColumn, printTable } from "./columns.ts";
import { drawOf, isDelivering, isUp, type LabPort, type LabSwitch } from "./switch.ts";

const column = (title: string, width: number, bar?: true): PrintedColumn => ({
  title: title.split("\n"),
  width,
  ...(bar === undefined ? {} : { bar }),
});

const named = ({ name, trunk }: LabPort): string => (trunk === null ? name : `${name}-${trunk}`);
const modeOf = ({ poe }: LabPort): string => (poe === null ? "10GigFD" : "1000FDx");

const briefColumns = [
  column("Port", 12),
  column("Type", 10),
  column("Intrusion\nAlert", 9, true),
  column("Enabled", 7),
  column("Status", 6),
  column("Mode", 10),
  column("MDI\nMode", 4),
  column("Flow\nCtrl", 4),
  column("Bcast\nLimit", 5),
];
export const interfacesBrief = ({ ports }: LabSwitch): string[] => [
  " Status and Counters - Port Status",
  "",
  ...printTable(
    briefColumns,
    ports.map((port) => [
      ...[named(port), port.type, "No", port.admin ? "Yes" : "No", isUp(port) ? "Up" : "Down", modeOf(port)],
      ...[port.poe === null ? "NA" : "Auto", "off", "0"],
    ]),
  ),
];

const statusColumns = [
  ...[column("Port", 12), column("Name", 10), column("Status", 6), column("Config-mode", 13), column("Speed", 8)],
  ...[column("Type", 10), column("Tagged", 6), column("Untagged", 8)],
];
const shortened = (text: string): string => (text.length > 10 ? `${text.slice(0, 7)}...` : text);
export const interfacesStatus = ({ ports }: LabSwitch): string[] =>
  printTable(
    statusColumns,
    ports.map((port) => [
      ...[named(port), shortened(port.alias), isUp(port) ? "Up" : "Down", "Auto", modeOf(port), port.type, "No", "1"],
    ]),
  );

const counterColumns = [
  ...[column("Port", 12), column("Total Bytes", 14), column("Total Frames", 14), column("Errors Rx", 9)],
  ...[column("Drops Tx", 9), column("Flow\nCtrl", 4), column("Bcast\nLimit", 5)],
];
export const interfaceCounters = ({ ports }: LabSwitch): string[] => [
  " Status and Counters - Port Counters",
  "",
  ...printTable(
    counterColumns,
    ports.map((port) => [named(port), isUp(port) ? "98,581" : "0", isUp(port) ? "869" : "0", "0", "0", "off", "0"]),
  ),
];

const detectionOf = (port: LabPort): string => {
  if (port.poe?.enabled !== true) return "Disabled";
  return isDelivering(port) ? "Delivering" : "Searching";
};
const watts = (value: number): string => `${value.toFixed(1)} W`;

const newColumns = [
  ...[column("PoE\nPort", 6), column("Pwr\nEnab", 4), column("Pwr\nPriority", 8), column("Pre-std\nDetect", 7)],
  ...[column("Alloc\nCfg", 6), column("Alloc\nActual", 6), column("PSE Pwr\nRsrvd", 7), column("PD Pwr\nDraw", 7)],
  ...[column("PoE Port\nStatus", 12), column("PLC\nCls", 3), column("PLC\nType", 4)],
];
const newRow = (port: LabPort): readonly string[] => {
  const draw = drawOf(port);
  const { enabled = false, priority = "low" } = port.poe ?? {};
  const reserved = watts(draw === 0 ? 0 : draw + 0.5);
  const powerClass = String(isDelivering(port) ? port.poe?.device?.powerClass : 0);
  return [
    ...[port.name, enabled ? "Yes" : "No", priority, "off", "usage", "usage", reserved, watts(draw)],
    ...[detectionOf(port), powerClass, powerClass === "4" ? "2" : "1"],
  ];
};
const oldColumns = [
  ...[column("PoE\nPort", 6), column("Power\nEnable", 6), column("Power\nPriority", 8), column("Alloc\nBy", 5)],
  ...[column("Alloc\nPower", 5), column("Actual\nPower", 6), column("Configured\nType", 11)],
  ...[column("Detection\nStatus", 11), column("Power\nClass", 5)],
];
const oldRow = (port: LabPort): readonly string[] => {
  const { enabled = false, priority = "low" } = port.poe ?? {};
  const powerClass = String(isDelivering(port) ? port.poe?.device?.powerClass : 0);
  return [
    ...[port.name, enabled ? "Yes" : "No", priority, "usage", "17 W", watts(drawOf(port)), ""],
    ...[detectionOf(port), powerClass],
  ];
};

const budgetLine = (available: number, used: number): string =>
  `Available: ${available} W  Used: ${used} W  Remaining: ${available - used} W`;

export const poeBrief = ({ ports, members, budgetW }: LabSwitch, layout: "15.x" | "16.x"): string[] => {
  const powered = ports.filter(({ poe }) => poe !== null);
  const used = Math.ceil(powered.reduce((sum, port) => sum + drawOf(port), 0));
  const [columns, row] = layout === "16.x" ? ([newColumns, newRow] as const) : ([oldColumns, oldRow] as const);
  return [
    ` Status and Counters - Port Power Status`,
    "",
    ` ${budgetLine(budgetW * members.length, used)}`,
    "",
    ...printTable(columns, powered.map(row)),
  ];
};
