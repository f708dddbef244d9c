/** What the other `show` commands print. */
import { printTable } from "./columns.ts";
import { addresses } from "./network.ts";
import { configOf, isSaved, type LabSwitch, type PortConfig } from "./switch.ts";

export const describe = ({ product, model, firmware }: LabSwitch): string =>
  `Aruba ${product} ${model}, revision ${firmware}, ROM ${firmware.slice(0, 5)}.01 (/ws/swbuildm/rel_lab/code/build/lab(swbuildm_rel_lab))`;

const upTimeOf = ({ startedAt }: LabSwitch, now: number): string =>
  `${Math.floor((now - startedAt) / 86_400_000)} days`;

const memberLines = (device: LabSwitch, now: number): string[] =>
  device.members.flatMap(({ id, mac, serial }) => [
    ...(device.kind === "stack" ? ["", ` VSF-Member :${id}`, ""] : []),
    `  ROM Version        : ${device.firmware.slice(0, 5)}.01.0010`,
    `  Up Time            : ${upTimeOf(device, now)}`,
    "  CPU Util (%)       : 3",
    `  MAC Addr           : ${mac}`,
    `  Serial Number      : ${serial}`,
    "  Memory   - Total   : 333,451,776",
    "             Free    : 210,899,116",
  ]);

export const system = (device: LabSwitch, now: number): string[] => [
  " Status and Counters - General System Information",
  "",
  `  System Name        : ${device.hostname}`,
  "  System Contact     : the lab",
  "  System Location    : nowhere",
  "  MAC Age Time (sec) : 300",
  "",
  "  Time Zone          : 0",
  "  Daylight Time Rule : None",
  "",
  `  Software revision  : ${device.firmware}`,
  `  Base MAC Addr      : ${device.mac}`,
  ...memberLines(device, now),
];

export const version = ({ firmware }: LabSwitch): string[] => [
  " Image stamp:    /ws/swbuildm/rel_lab/code/build/lab(swbuildm_rel_lab)",
  "                 Jan 01 2024 00:00:00",
  `                 ${firmware}`,
  "                 100",
  " Boot Image:     Primary",
];

export const vsfDetail = (device: LabSwitch, now: number): string[] => {
  if (device.kind !== "stack") return ["VSF is disabled."];
  const head = [
    "VSF Domain ID    : 7",
    ` MAC Address      : ${device.mac}`,
    " VSF Topology     : Ring",
    " VSF Status       : Active",
    ` Uptime           : ${upTimeOf(device, now)}`,
    " VSF MAD          : None",
    " VSF Port Speed   : 10G",
    ` Software Version : ${device.firmware}`,
    "",
    `Name             : ${device.hostname}`,
    "Contact          : the lab",
    "Location         : nowhere",
  ];
  const members = device.members.flatMap(({ id, mac, serial, role }) => [
    ...["", "", `Member ID        : ${id}`, `MAC Address      : ${mac}`, `Type             : ${device.product}`],
    `Model            : Aruba ${device.product} ${device.model.replace(" VSF VC", "")}`,
    `Priority         : ${256 - id}`,
    `Status           : ${role}`,
    `ROM Version      : ${device.firmware.slice(0, 5)}.01.0010`,
    `Serial Number    : ${serial}`,
    `Uptime           : ${upTimeOf(device, now)}`,
    "CPU Utilization  : 3%",
    ...["Memory - Total   : 338,285,056 bytes", "Free             : 216,976,472 bytes", "VSF Links -"],
    `#1 : Active, Peer member ${(id % 3) + 1}`,
    `#2 : Active, Peer member ${((id + 1) % 3) + 1}`,
  ]);
  return [...head, ...members];
};

export const lldpSelf = (device: LabSwitch): string[] => [
  " LLDP Local Device Information",
  "",
  "  Chassis Type : mac-address",
  `  Chassis Id   : ${device.mac}`,
  `  System Name  : ${device.hostname}`,
  `  System Description : ${describe(device).slice(0, 57)}...`,
  "  System Capabilities Supported: bridge, router",
  "  System Capabilities Enabled: bridge",
  "",
  "  Management Address  :",
  "     Type: ipv4",
  `     Address: ${addresses.own}`,
  "",
  " LLDP Port Information",
  "",
  ...printTable(
    ["Port", "PortType", "PortId", "PortDesc"].map((title) => ({ title: [title], width: 8 })),
    device.ports.map(({ name, ifIndex }) => [name, "local", String(ifIndex), name]),
  ),
];

export const neighbours = ({ ports }: LabSwitch): string[] => {
  const found = ports.flatMap(({ name, neighbour }) => {
    if (neighbour === null) return [];
    const { chassis, portId, name: system, description, capabilities } = neighbour;
    return [
      "",
      `  Local Port   : ${name}`,
      "  ChassisType  : mac-address",
      `  ChassisId    : ${chassis}`,
      "  PortType     : interface-name",
      `  PortId       : ${portId}`,
      `  SysName      : ${system}`,
      `  System Descr : ${description}`,
      `  PortDescr    : ${portId}`,
      "  Pvid         : 1",
      "",
      `  System Capabilities Supported  : ${capabilities}`,
      `  System Capabilities Enabled    : ${capabilities}`,
      "",
      "  Remote Management Address",
      "",
      "-".repeat(78),
    ];
  });
  return [" LLDP Remote Device Information Detail", ...found];
};

const plain = (titles: readonly (readonly [string, number])[], rows: readonly (readonly string[])[]): string[] =>
  printTable(
    titles.map(([title, width]) => ({ title: [title], width })),
    rows,
  );

export const arp = ({ network }: LabSwitch): string[] => [
  " IP ARP table",
  "",
  ...plain(
    [
      ["IP Address", 15],
      ["MAC Address", 17],
      ["Type", 7],
      ["Port", 6],
    ],
    network.places.map(({ ip, mac, port }) => [ip, mac, "dynamic", port ?? ""]),
  ),
];
export const macAddresses = ({ network }: LabSwitch): string[] => [
  " Status and Counters - Port Address Table",
  "",
  ...plain(
    [
      ["MAC Address", 17],
      ["Port", 31],
      ["VLAN", 4],
    ],
    network.places.flatMap(({ mac, port }) => (port === null ? [] : [[mac, port, "1"]])),
  ),
];
export const ip = (): string[] => [
  " Internet (IP) Service",
  "",
  "  IP Routing : Disabled",
  "",
  `  Default Gateway : ${addresses.gateway}`,
  "  Default TTL     : 64",
  "  Arp Age         : 20",
  "",
  ...printTable(
    [
      { title: ["VLAN"], width: 20 },
      { title: ["IP Config"], width: 10, bar: true },
      { title: ["IP Address"], width: 15 },
      { title: ["Subnet Mask"], width: 15 },
    ],
    [["DEFAULT_VLAN", "Manual", addresses.own, "255.255.255.0"]],
  ),
];
export const sshSessions = ({ network }: LabSwitch): string[] => [
  "  SSH Enabled     : Yes              Secure Copy Enabled : No",
  "  TCP Port Number : 22               Timeout (sec)       : 120",
  "",
  ...printTable(
    [
      { title: ["Ses"], width: 3 },
      { title: ["Type"], width: 8 },
      { title: ["Source IP"], width: 46, bar: true },
      { title: ["Port"], width: 5 },
    ],
    [
      ["1", "console", "", ""],
      ...network.sessions.map((source, at) => [String(at + 2), "ssh", source, String(50_213 + at)]),
    ],
  ),
];
export const vlans = (): string[] => [
  " Status and Counters - VLAN Information",
  "",
  "  Maximum VLANs to support : 256",
  "",
  ...printTable(
    [
      { title: ["VLAN ID"], width: 7 },
      { title: ["Name"], width: 32 },
      { title: ["Status"], width: 10, bar: true },
      { title: ["Voice"], width: 5 },
      { title: ["Jumbo"], width: 5 },
    ],
    [["1", "DEFAULT_VLAN", "Port-based", "No", "No"]],
  ),
];

const portLines = (config: PortConfig): string[] =>
  [...config].flatMap(([name, { alias, admin, poe }]) => {
    const inside = [
      ...(alias === "" ? [] : [`   name "${alias}"`]),
      ...(admin ? [] : ["   disable"]),
      ...(poe === null || poe.enabled ? [] : ["   no power-over-ethernet"]),
      ...(poe === null || poe.priority === "low" ? [] : [`   power-over-ethernet ${poe.priority}`]),
    ];
    return inside.length === 0 ? [] : [`interface ${name}`, ...inside, "   exit"];
  });

export const runningConfig = (device: LabSwitch): string[] => [
  "Running configuration:",
  "",
  `; ${device.product} Configuration Editor; Created on release #${device.firmware}`,
  "; Ver #14:01.4f.f8",
  "",
  `hostname "${device.hostname}"`,
  ...portLines(configOf(device)),
  'snmp-server contact "the lab" location "nowhere"',
  "vlan 1",
  '   name "DEFAULT_VLAN"',
  `   ip address ${addresses.own} 255.255.255.0`,
  "   exit",
];

export const configStatus = (device: LabSwitch): string[] => [
  isSaved(device)
    ? "Running configuration is same as startup configuration."
    : "Running configuration has been changed and needs to be saved.",
];
