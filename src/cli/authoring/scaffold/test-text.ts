/** The first test of a new pack: its driver before a fake device. */
import { methodOf } from "../../../model/manifest.ts";
import type { Choices, ChosenCapability } from "./choices.ts";
import { madeUpState } from "./recording-text.ts";
import { textsOf } from "./transport.ts";

const actionTest = ({ id, verbs }: ChosenCapability, { target }: Choices): string => `
test("${id} plans one step and sends what it planned", async () => {
  const { driver, asked } = deviceOf();
  const call = { verb: "${verbs[0]}", target: { type: "${target}", id: "1", external_id: "1" }, params: {}, plan: null, signal };
  const planned = await driver.${methodOf(id)}({ ...call, dryRun: true });
  assert.equal(planned.plan?.steps.length, 1);
  assert.ok(!asked.includes("apply"), "a plan writes nothing");
  assert.deepEqual(await driver.${methodOf(id)}({ ...call, dryRun: false }), { ok: true });
  assert.equal(asked.at(-1), "apply");
});
`;

const readTest = ({ id, verbs }: ChosenCapability, { target }: Choices): string => `
test("${id} tells of one ${target}", async () => {
  const { driver } = deviceOf();
  const target = { type: "${target}", id: "1", external_id: "1" };
  const told = await driver.${methodOf(id)}({ verb: "${verbs[0]}", target, params: {}, dryRun: false, plan: null, signal });
  assert.equal(told.ok, true);
});
`;

const tests = (choices: Choices): string =>
  choices.capabilities
    .filter(({ id }) => id !== "inventory.list")
    .map((one) => (one.isRead ? readTest(one, choices) : actionTest(one, choices)))
    .join("");

export const testText = (choices: Choices): string => {
  const { className, transport, target, capabilities } = choices;
  const { answers, config, secrets } = textsOf[transport];
  const acts = capabilities.length > 1;
  const lines = Object.entries(answers(target)).map(([op, answer]) => `  "${op}": ${answer},`);
  return `/** The driver before a fake device that answers as the real one does. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { after, test } from "node:test";
import { openPack } from "switchyard/testing";
import { ${className} } from "../driver.ts";

/** What the runner's transports answer, by operation. */
const answers: Readonly<Record<string, unknown>> = {
${lines.join("\n")}
};
const { signal } = new AbortController();

const deviceOf = () => {
  const asked: string[] = [];
  const ask = async (op: string, args: unknown): Promise<unknown> => {
    asked.push(op);
    const answer = answers[op];
    assert.ok(answer !== undefined, \`the device has no answer to \${op}\`);
    return typeof answer === "function" ? answer(args) : answer;
  };
  const driver = new ${className}({
    config: ${config},
    secrets: ${secrets},
    ask,
    emit: () => undefined,
  });
  return { driver, asked };
};

const pack = await openPack(join(import.meta.dirname, ".."));
after(() => pack.close());

test("it does what was recorded", async () => {
  for (const { call, differences } of await pack.replay()) assert.deepEqual(differences, [], call);
});

test("it connects", async () => {
  const { status } = await deviceOf().driver.test_connection();
  assert.equal(status, "connected");
});

test("it lists each ${target}", async () => {
  const call = { targetType: "${target}", activeOnly: false, options: {}, signal };
  const listed = await deviceOf().driver.inventory_list(call);
  assert.deepEqual(listed, [
    { type: "${target}", external_id: "1", name: "First", attrs: { state: "${madeUpState(choices)}" }, labels: {} },
  ]);
});
${acts ? tests(choices) : ""}`;
};
