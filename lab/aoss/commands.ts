/** The commands of the simulated switch: what each prints, asks and changes, in each mode. */
import { interfaceCounters, interfacesBrief, interfacesStatus, poeBrief } from "./port-views.ts";
import { configOf, isSaved, type LabPort, type LabSwitch } from "./switch.ts";
import * as views from "./views.ts";

export interface CliMode {
  privileged: boolean;
  /** Empty, `config`, or the ports of an interface context. */
  context: "" | "config" | readonly LabPort[];
  paging: boolean;
}

/** What comes of a line; a question is answered by a key, a password by a line. */
export type Outcome =
  | { readonly lines: readonly string[] }
  | { readonly ask: "password"; readonly answered: (answer: string) => Outcome }
  | { readonly ask: string; readonly answered: (key: string) => Outcome }
  | { readonly end: "logout" | "reboot" };

export interface CliDevice {
  readonly device: LabSwitch;
  readonly layout: "15.x" | "16.x";
  readonly enablePassword: string | null;
  readonly now: () => number;
  /** A line that changed something. */
  readonly changed: (line: string) => void;
}

const nothing: Outcome = { lines: [] };
const invalid = (word: string): Outcome => ({ lines: [`Invalid input: ${word}`] });

const shown: Readonly<Record<string, (cli: CliDevice) => readonly string[]>> = {
  "interfaces brief": ({ device }) => interfacesBrief(device),
  "interfaces status": ({ device }) => interfacesStatus(device),
  interfaces: ({ device }) => interfaceCounters(device),
  "power-over-ethernet brief": ({ device, layout }) => poeBrief(device, layout),
  system: ({ device, now }) => views.system(device, now()),
  version: ({ device }) => views.version(device),
  "vsf detail": ({ device, now }) => views.vsfDetail(device, now()),
  stacking: () => ["Stacking is disabled."],
  "lldp info local-device": ({ device }) => views.lldpSelf(device),
  "lldp info remote-device detail": ({ device }) => views.neighbours(device),
  arp: ({ device }) => views.arp(device),
  "mac-address": ({ device }) => views.macAddresses(device),
  ip: () => views.ip(),
  "ip ssh": ({ device }) => views.sshSessions(device),
  vlans: () => views.vlans(),
  "running-config": ({ device }) => views.runningConfig(device),
  "config status": ({ device }) => views.configStatus(device),
};

const show = (what: string, cli: CliDevice, { privileged }: CliMode): Outcome => {
  const view = shown[what];
  if (view === undefined || (!privileged && /config/.test(what))) return invalid(what.split(" ")[0] ?? "");
  return { lines: ["", ...view(cli), ""] };
};

/** The ports of a list as the switch understands it; null for one it does not. */
const portsIn = (list: string, { ports }: LabSwitch): readonly LabPort[] | null => {
  const found = list.split(",").map((item) => {
    const [from = "", to = from] = item.split("-");
    const [first, last] = [from, to].map((name) => ports.findIndex((port) => port.name === name)) as [number, number];
    const isWithin = first >= 0 && last >= first && ports[first]?.group === ports[last]?.group;
    return isWithin ? ports.slice(first, last + 1) : null;
  });
  return found.includes(null) ? null : found.flatMap((some) => some ?? []);
};

type PortCommand = (port: LabPort) => void;

const portCommand = (line: string): PortCommand | null => {
  const [, no, level] = /^(no )?power-over-ethernet(?: (low|high|critical))?$/.exec(line) ?? [];
  if (/power-over-ethernet/.test(line) && (no === undefined || level === undefined)) {
    return (port) => {
      if (port.poe === null) return;
      port.poe.enabled = no === undefined;
      if (level !== undefined) port.poe.priority = level as "low" | "high" | "critical";
    };
  }
  if (line === "enable" || line === "disable") return (port) => void Object.assign(port, { admin: line === "enable" });
  const alias = /^name "?([^"]*)"?$/.exec(line)?.[1];
  return alias === undefined ? null : (port) => void Object.assign(port, { alias });
};

const inContext = (line: string, ports: readonly LabPort[], cli: CliDevice): Outcome | null => {
  if (!/^(?:no )?power-over-ethernet(?: (?:low|high|critical))?$|^enable$|^disable$|^name /.test(line)) return null;
  const command = portCommand(line);
  if (command === null) return invalid(line);
  if (/power/.test(line) && ports.every(({ poe }) => poe === null)) {
    return { lines: [`Error setting value power-over-ethernet for port ${ports[0]?.name ?? ""}.`] };
  }
  for (const port of ports) command(port);
  cli.changed(`${ports.map(({ name }) => name).join(",")}: ${line}`);
  return nothing;
};

const configure = (line: string, mode: CliMode, cli: CliDevice): Outcome | null => {
  if (mode.context === "") return null;
  if (line === "end") {
    mode.context = "";
    return nothing;
  }
  const list = /^interface (?:ethernet )?(\S+)$/.exec(line)?.[1];
  if (list !== undefined) {
    const ports = portsIn(list, cli.device);
    if (ports === null) return invalid(list);
    mode.context = ports;
    return nothing;
  }
  return mode.context === "config" ? null : inContext(line, mode.context, cli);
};

const leave = (mode: CliMode): Outcome => {
  if (mode.context === "") return { end: "logout" };
  mode.context = mode.context === "config" ? "" : "config";
  return nothing;
};

const enable = (mode: CliMode, { enablePassword }: CliDevice): Outcome => {
  if (mode.privileged) return nothing;
  const privileged = (): Outcome => {
    mode.privileged = true;
    return nothing;
  };
  if (enablePassword === null) return privileged();
  return {
    ask: "password",
    answered: (answer) =>
      answer === enablePassword ? privileged() : { lines: ["Invalid password", "Unable to verify password"] },
  };
};

const save = (cli: CliDevice): Outcome => {
  cli.device.saved = configOf(cli.device);
  cli.changed("write memory");
  return nothing;
};

const reload = (cli: CliDevice): Outcome => {
  const reboot = (): Outcome => {
    cli.changed("reload");
    return { end: "reboot" };
  };
  const about = (key: string): Outcome => {
    if (key !== "n" && key !== "y") return nothing;
    if (key === "y") cli.device.saved = configOf(cli.device);
    return reboot();
  };
  const sure = (key: string): Outcome => {
    if (key !== "y") return nothing;
    return isSaved(cli.device)
      ? reboot()
      : { ask: "Do you want to save current configuration [y/n/^C]? ", answered: about };
  };
  return { ask: "System will be rebooted from primary image. Do you want to continue [y/n]? ", answered: sure };
};

const privileged: Readonly<Record<string, (mode: CliMode, cli: CliDevice) => Outcome>> = {
  configure: (mode) => {
    mode.context = "config";
    return nothing;
  },
  "write memory": (_, cli) => save(cli),
  reload: (_, cli) => reload(cli),
};

/** Carries a line out. */
export const carryOut = (typed: string, mode: CliMode, cli: CliDevice): Outcome => {
  const line = typed.trim().replaceAll(/\s+/g, " ");
  if (line === "") return nothing;
  const configured = configure(line, mode, cli);
  if (configured !== null) return configured;
  if (line === "exit") return leave(mode);
  if (line === "logout") return { end: "logout" };
  if (line === "page" || line === "no page") {
    mode.paging = line === "page";
    return nothing;
  }
  if (line === "enable") return enable(mode, cli);
  if (line.startsWith("show ")) return show(line.slice(5), cli, mode);
  const known = mode.privileged ? privileged[line.replace(/^configure terminal$/, "configure")] : undefined;
  return known?.(mode, cli) ?? invalid(line.split(" ")[0] ?? "");
};

/** `lab-stack(eth-1/1-1/4)# ` and the like. */
export const promptOf = ({ hostname }: LabSwitch, { privileged: isManager, context }: CliMode): string => {
  const [first, last] = typeof context === "string" ? [] : [context[0]?.name, context.at(-1)?.name];
  const inner = typeof context === "string" ? context : `eth-${first}${first === last ? "" : `-${last}`}`;
  return `${hostname}${inner === "" ? "" : `(${inner})`}${isManager ? "#" : ">"} `;
};
