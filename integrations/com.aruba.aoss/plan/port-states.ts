/** The three things that can be set on ports: how each is read, what lines set it, and when that cuts something off. */
import type { Json } from "switchyard/sdk";
import { parseInterfacesBrief } from "../parse/interfaces.ts";
import { parsePoeBrief } from "../parse/poe.ts";
import type { Show } from "../show.ts";

export type State = Readonly<Record<string, Json>>;

export interface PortSetting {
  /** The parameter, which is also the key of a state. */
  readonly param: string;
  /** What such ports are called in an error. */
  readonly noun: string;
  /** The state of every port that has one, by name. */
  readonly read: (show: Show) => Promise<ReadonlyMap<string, State>>;
  /** The lines behind `interface <ports>`, for each step of its own. */
  readonly lines: (value: string) => readonly (readonly string[])[];
  /** What the state is afterwards. */
  readonly goal: (value: string) => State;
  /** Whether what hangs on the ports loses something. */
  readonly cuts: (value: string) => boolean;
  /** A state the ports must have before; undefined when any will do. */
  readonly before?: (
    value: string,
  ) => { readonly key: string; readonly value: string; readonly why: string } | undefined;
}

const readPoe = async (show: Show): Promise<ReadonlyMap<string, State>> => {
  const rows = parsePoeBrief(await show("show power-over-ethernet brief"));
  return new Map(
    rows.map(({ port, isEnabled, priority }) => [port, { state: isEnabled ? "on" : "off", level: priority }]),
  );
};

const only = (states: ReadonlyMap<string, State>, key: string): ReadonlyMap<string, State> =>
  new Map([...states].map(([port, state]) => [port, { [key]: state[key] ?? null }]));

const [on, off] = ["power-over-ethernet", "no power-over-ethernet"] as const;

export const poePower: PortSetting = {
  param: "state",
  noun: "PoE port",
  read: async (show) => only(await readPoe(show), "state"),
  lines: (value) => (value === "cycle" ? [[off], [on]] : [[value === "on" ? on : off]]),
  goal: (value) => ({ state: value === "off" ? "off" : "on" }),
  cuts: (value) => value !== "on",
  before: (value) =>
    value === "cycle" ? { key: "state", value: "on", why: "a cycle would switch their power on" } : undefined,
};

/** The priority is kept for ports that are off too, but the command that sets it may switch them on. */
export const poePriority: PortSetting = {
  param: "level",
  noun: "PoE port",
  read: async (show) => readPoe(show),
  lines: (value) => [[`${on} ${value}`]],
  goal: (value) => ({ level: value }),
  cuts: () => false,
  before: () => ({ key: "state", value: "on", why: "setting their priority may switch their power on" }),
};

export const adminState: PortSetting = {
  param: "admin",
  noun: "port",
  read: async (show) => {
    const rows = parseInterfacesBrief(await show("show interfaces brief"));
    return new Map(rows.map(({ port, isEnabled }) => [port, { admin: isEnabled ? "up" : "down" }]));
  },
  lines: (value) => [[value === "up" ? "enable" : "disable"]],
  goal: (value) => ({ admin: value }),
  cuts: (value) => value === "down",
};
