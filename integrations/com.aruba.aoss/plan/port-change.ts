/** Plans a change of ports, and reads back what came of it. */
import { DriverError, type DryRunResult, type Precondition, type Step, type TargetEffect } from "switchyard/sdk";
import { nameOf, parsePorts, rangesOf } from "../ports.ts";
import type { Show } from "../show.ts";
import type { PortSetting, State } from "./port-states.ts";
import { type Protection, readProtection } from "./protection.ts";

export interface ChangeAsked {
  /** The target id, exactly as it will be sent behind `interface`. */
  readonly ports: string;
  readonly value: string;
  readonly overridesProtection: boolean;
  /** The instance's own list of protected ports. */
  readonly protectedPorts: string | undefined;
}

const listed = (names: readonly string[]): string =>
  names.length > 8 ? `${names.slice(0, 8).join(", ")} and ${names.length - 8} more` : names.join(", ");

const stateOf = (state: State, setting: PortSetting): State => ({ [setting.param]: state[setting.param] ?? null });

/** The states of the named ports. @throws DriverError `target_not_found` for a port that the switch does not have. */
const statesOf = (
  names: readonly string[],
  all: ReadonlyMap<string, State>,
  { noun }: PortSetting,
): ReadonlyMap<string, State> => {
  const missing = names.filter((name) => !all.has(name));
  if (missing.length > 0) {
    const known = rangesOf([...all.keys()].flatMap((name) => (/^[\dA-Z/]+$/.test(name) ? parsePorts(name) : [])));
    throw new DriverError(
      "target_not_found",
      `The switch has no ${noun} ${listed(missing)}; it has ${known.length === 0 ? "none" : known.join(", ")}.`,
      { missing },
    );
  }
  return new Map(names.map((name) => [name, all.get(name) ?? {}]));
};

const protectionCheck = ({ reasons }: Protection, names: readonly string[], asked: ChangeAsked): Precondition => {
  const hit = names.flatMap((name) => (reasons.has(name) ? [`${name}: ${reasons.get(name)?.join(", ")}`] : []));
  const isFree = hit.length === 0;
  const how = asked.overridesProtection ? "overridden" : "set override_protection to switch them all the same";
  return {
    check: "not_protected",
    ok: isFree || asked.overridesProtection,
    details: isFree ? "none of the ports is protected" : `${hit.join("; ")} (${how})`,
  };
};

/** Only what may cut this session off has to know by which port it comes. */
const wayInCheck = ({ sessionUnknown }: Protection, asked: ChangeAsked): Precondition => ({
  check: "way_in_known",
  ok: sessionUnknown === null || asked.overridesProtection,
  details:
    sessionUnknown === null
      ? "the port of each ssh session is known"
      : `${sessionUnknown}: set override_protection if the ports are none of the way to the switch`,
});

const beforeCheck = (states: ReadonlyMap<string, State>, setting: PortSetting, value: string): Precondition[] => {
  const wanted = setting.before?.(value);
  if (wanted === undefined) return [];
  const others = [...states].filter(([, state]) => state[wanted.key] !== wanted.value).map(([name]) => name);
  const ok = others.length === 0;
  return [
    {
      check: wanted.key,
      ok,
      details: ok ? `all are ${wanted.value}` : `${listed(others)} not ${wanted.value}: ${wanted.why}`,
    },
  ];
};

const stepsOf = (ports: string, setting: PortSetting, value: string): readonly Step[] =>
  setting.lines(value).map((lines) => ({
    transport: "ssh",
    commands: ["configure", `interface ${ports}`, ...lines, "end"],
    idempotent: true,
  }));

const reasonOf = ({ check, details }: Precondition): string => `${check}: ${String(details)}`;

const summaryOf = (setting: PortSetting, { ports, value }: ChangeAsked, effects: readonly TargetEffect[]): string =>
  effects.length === 0
    ? `Nothing to do for ${ports}`
    : `Set ${setting.param} of ${listed(effects.map(({ id }) => id))} to ${value}`;

const severityOf = (isBlocked: boolean, cuts: boolean): DryRunResult["severity"] => {
  if (isBlocked) return "error";
  return cuts ? "warn" : "info";
};

const preconditionsOf = (
  states: ReadonlyMap<string, State>,
  protection: Protection | null,
  setting: PortSetting,
  asked: ChangeAsked,
): readonly Precondition[] => [
  ...(protection === null ? [] : [protectionCheck(protection, [...states.keys()], asked)]),
  ...(protection === null || setting.param !== "admin" ? [] : [wayInCheck(protection, asked)]),
  ...beforeCheck(states, setting, asked.value),
];

/** The answer to a dry run. @throws DriverError `target_not_found`, and what reading throws. */
export const planPorts = async (show: Show, setting: PortSetting, asked: ChangeAsked): Promise<DryRunResult> => {
  const names = parsePorts(asked.ports).map(nameOf);
  const states = statesOf(names, await setting.read(show), setting);
  const cuts = setting.cuts(asked.value);
  const protection = cuts ? await readProtection(show, asked.protectedPorts) : null;
  const preconditions = preconditionsOf(states, protection, setting, asked);
  const goal = setting.goal(asked.value);
  const effects = [...states].map(([id, state]): TargetEffect => ({ id, from: stateOf(state, setting), to: goal }));
  const steps = stepsOf(asked.ports, setting, asked.value);
  const isThere = steps.length === 1 && effects.every(({ from, to }) => JSON.stringify(from) === JSON.stringify(to));
  const failed = preconditions.filter(({ ok }) => !ok);
  const unknown = protection?.sessionUnknown ?? null;
  return {
    ok: failed.length === 0,
    severity: severityOf(failed.length > 0, cuts && !isThere),
    idempotency_key: `aoss:${asked.ports}:${setting.param}:${asked.value}`,
    preconditions,
    plan: {
      kind: "ssh",
      steps: isThere ? [] : steps,
      notes: unknown === null ? [] : [`The way into the switch is not known: ${unknown}.`],
    },
    effects: { summary: summaryOf(setting, asked, isThere ? [] : effects), per_target: effects },
    ...(failed.length === 0 ? {} : { reason: failed.map(reasonOf).join("; ") }),
  };
};

/** What the ports show after the change. @throws DriverError `device_error` when that is not what was planned. */
export const readBack = async (
  show: Show,
  setting: PortSetting,
  planned: readonly TargetEffect[],
): Promise<readonly TargetEffect[]> => {
  const all = await setting.read(show);
  const effects = planned.map(({ id, from }) => ({ id, from, to: stateOf(all.get(id) ?? {}, setting) }));
  const wrong = effects.filter(({ to }, at) => JSON.stringify(to) !== JSON.stringify(planned[at]?.to));
  if (wrong.length === 0) return effects;
  const seen = wrong.map(({ id, to }) => `${id} ${String(to[setting.param])}`);
  throw new DriverError(
    "device_error",
    `The switch took the commands, but ${listed(seen)} is not what was asked for. Look at its log.`,
    { wrong: wrong.map(({ id, to }) => ({ id, to })) },
  );
};
