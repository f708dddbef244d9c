/** The driver of a new pack. */
import { methodOf } from "../../../model/manifest.ts";
import { type Choices, type ChosenCapability, isInventory } from "./choices.ts";
import { listedStates, statesOf } from "./states.ts";
import { textsOf } from "./transport.ts";

const indented = (lines: readonly string[]): string => lines.map((line) => `    ${line}`).join("\n");

const inventory = (): string => `
  /** Every target; the runner filters. */
  async inventory_list({ targetType }: InventoryCall) {
    const things = await this.things();
    return things.map(({ id, name, state }) => ({
      type: targetType,
      external_id: id,
      name,
      attrs: { state },
      labels: {},
    }));
  }
`;

const read = ({ id }: ChosenCapability): string => `
  async ${methodOf(id)}({ target }: ActionCall) {
    return { ok: true, details: { ...(await this.find(target.id)) } };
  }
`;

const write = ({ id, verbs }: ChosenCapability, { target, transport }: Choices): string => {
  const { step, kind } = textsOf[transport];
  return `
  async ${methodOf(id)}({ verb, target, dryRun }: ActionCall) {
    if (!dryRun) {
      await this.apply();                // sends the plan's steps; nothing else would pass
      return { ok: true };
    }
    const { state } = await this.find(target.id);
    return {
      ok: true,
      severity: "info" as const,
      preconditions: [{ check: "${target}_exists", ok: true }],
      plan: {
        kind: "${kind}" as const,
        steps: [${step(target, statesOf(verbs))}],
      },
      effects: {
        summary: \`\${target.id}: \${verb}\`,
        per_target: [{ id: target.id, from: state, to: verb }],
      },
    };
  }
`;
};

const method = (chosen: ChosenCapability, choices: Choices): string => {
  if (isInventory(chosen)) return inventory();
  return chosen.isRead ? read(chosen) : write(chosen, choices);
};

const handles = ({ capabilities, target }: Choices): string =>
  capabilities
    .map(
      ({ id, verbs }) =>
        `    "${id}": { verbs: [${verbs.map((verb) => JSON.stringify(verb)).join(", ")}], targets: ["${target}"] },`,
    )
    .join("\n");

export const driverText = (choices: Choices): string => {
  const { name, className, transport, target, capabilities } = choices;
  const texts = textsOf[transport];
  const acts = capabilities.some((one) => !isInventory(one));
  const list = texts.list(target, listedStates(choices));
  const error = acts || [...texts.probe, ...list].some((line) => line.includes("DriverError")) ? "DriverError, " : "";
  const imports = `${acts ? "type ActionCall, " : ""}Driver, ${error}type InventoryCall`;
  const find = `
  private async find(id: string): Promise<Thing> {
    const found = (await this.things()).find((one) => one.id === id);
    if (found === undefined) throw new DriverError("target_not_found", \`There is no ${target} \${id}.\`);
    return found;
  }
`;
  return `/** ${name.replaceAll("*/", "")}: what the runner may ask of it. */
import { ${imports} } from "switchyard/sdk";
import type { Config } from "./driver.types.d.ts";

/** A ${target} as the device tells of it. */
interface Thing {
  readonly id: string;
  readonly name: string;
  readonly state: string;
}

export class ${className} extends Driver<Config> {
  static readonly handles = {
${handles(choices)}
  };

  async test_connection() {
${indented(texts.probe)}
  }
${capabilities.map((one) => method(one, choices)).join("")}
  private async things(): Promise<Thing[]> {
${indented(list)}
  }
${acts ? find : ""}}
`;
};
