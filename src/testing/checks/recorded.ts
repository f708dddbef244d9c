/** What the recordings of a pack show: connection, inventory, and whether the driver still does the same on them. */

import { canonicalJson } from "../../model/canonical.ts";
import { inventoryTargets } from "../../model/manifest.ts";
import type { Target } from "../../model/target.ts";
import { replay } from "../../recording/replay.ts";
import { parseCall } from "../../recording/script.ts";
import type { Check, CheckBench, Replayed, Verdict } from "../check.ts";
import { failed, missing, notApplicable, passed, verdictOf } from "../check.ts";

/** Every replayed call of a kind, with the recording it is of. */
const callsOf = ({ replayed }: CheckBench, kind: string) =>
  replayed.flatMap(({ name, calls }) =>
    calls
      .filter(({ call }) => parseCall(call).kind === kind)
      .map((call) => ({ name, call, asked: parseCall(call.call) })),
  );

const connects = async (bench: CheckBench): Promise<Verdict> => {
  const tests = callsOf(bench, "test");
  if (tests.length === 0) return missing("there is no recording with test_connection");
  const good = tests.some(({ call: { result } }) =>
    ["connected", "degraded"].includes(String((result as { status?: unknown } | undefined)?.status)),
  );
  const [first] = tests;
  return good
    ? passed
    : failed(`no recorded test_connection is connected: ${JSON.stringify(first?.call).slice(0, 300)}`);
};

const recorded = async (bench: CheckBench): Promise<Verdict> => {
  const { replayed, pack } = bench;
  if (replayed.length === 0) return missing("there are no recordings: make one with `switchyard record`");
  const seen = callsOf(bench, "inventory").map(({ asked }) => (asked.kind === "inventory" ? asked.targetType : ""));
  const absent = inventoryTargets(pack.manifest).filter((type) => !seen.includes(type));
  const differing = replayed.flatMap(({ name, calls }) =>
    calls.flatMap(({ call, differences }) => differences.slice(0, 1).map((one) => `${name}, ${call}: ${one}`)),
  );
  if (differing.length > 0) return verdictOf(differing);
  return absent.length === 0 ? passed : missing(`no inventory is recorded of ${absent.join(", ")}`);
};

interface Rule {
  readonly expected: string;
  readonly holds: (value: unknown) => boolean;
}

const oneOf = (...words: string[]): Rule => ({
  expected: words.join(", "),
  holds: (value) => typeof value === "string" && words.includes(value),
});
const text: Rule = { expected: "a text", holds: (value) => typeof value === "string" && value !== "" };
const amount: Rule = { expected: "an amount", holds: (value) => typeof value === "number" && value >= 0 };
const optional = ({ expected, holds }: Rule): Rule => ({
  expected: `${expected}, or nothing`,
  holds: (value) => value === undefined || holds(value),
});

const guest = { status: oneOf("running", "stopped", "suspended", "unknown"), node: optional(text) };

/** Attributes that a target type has everywhere, whatever the device. */
const attrRules: Readonly<Record<string, Readonly<Record<string, Rule>>>> = {
  vm: guest,
  container: guest,
  stack_member: { model: text, status: text, role: text },
  port: { link: oneOf("up", "down"), speed_mbps: optional(amount), poe_power_w: optional(amount) },
};

const faultsOf = ({ type, external_id: id, name, attrs, labels }: Target): string[] => {
  const rules = Object.entries(attrRules[type] ?? {});
  const wrong = rules.flatMap(([attr, { expected, holds }]) =>
    holds(attrs[attr])
      ? []
      : [`${type} ${id}: attrs.${attr} is ${JSON.stringify(attrs[attr] ?? null)}, expected ${expected}`],
  );
  const loose = Object.entries(labels).filter(([, value]) => typeof value !== "string" && typeof value !== "boolean");
  return [
    ...wrong,
    ...(name === "" ? [`${type} ${id} has no name`] : []),
    ...loose.map(([label]) => `${type} ${id}: the label ${label} is no text`),
  ];
};

const targets = async (bench: CheckBench): Promise<Verdict> => {
  if (inventoryTargets(bench.pack.manifest).length === 0) return notApplicable("it lists no targets");
  const lists = callsOf(bench, "inventory").flatMap(({ call: { result } }) => (result === undefined ? [] : [result]));
  if (lists.length === 0) return missing("no inventory is recorded");
  return verdictOf(lists.flatMap((list) => (list as unknown as readonly Target[]).flatMap(faultsOf)));
};

const isInventory = (call: string): boolean => parseCall(call).kind === "inventory";

const stable = async (bench: CheckBench): Promise<Verdict> => {
  const { stage, pack, now, signal } = bench;
  if (inventoryTargets(pack.manifest).length === 0) return notApplicable("it lists no targets");
  const again = async ({ name, recording, calls }: Replayed): Promise<string[]> => {
    const lists = { ...recording, calls: recording.calls.filter(({ call }) => isInventory(call)) };
    const second = await replay({ stage, pack, recording: lists, now, signal });
    const first = calls.filter(({ call }) => isInventory(call));
    return second.flatMap(({ call, result }, index) =>
      canonicalJson(result ?? null) === canonicalJson(first[index]?.result ?? null)
        ? []
        : [`${name}, ${call}: two calls with the same answers list different targets`],
    );
  };
  const faults: string[] = [];
  for (const one of bench.replayed) faults.push(...(await again(one)));
  return verdictOf(faults);
};

export const recordedChecks: readonly Check[] = [
  { name: "connects", title: "A recorded device is connected", run: connects },
  {
    name: "own_tests",
    title: "Its own tests pass",
    run: async ({ ownTests, pack }) => {
      const names = pack.language === "python" ? "test_*.py or *.test.ts" : "*.test.ts";
      if (ownTests === null) return missing(`there is no file ${names} in the pack`);
      return ownTests.isGood ? passed : failed(ownTests.detail);
    },
  },
  {
    name: "recorded",
    title: "Every target type is recorded, and its driver does today what was recorded",
    run: recorded,
  },
  { name: "targets", title: "Its targets have the attributes of their type", run: targets },
  { name: "stable", title: "The same answers give the same inventory twice", run: stable },
];
