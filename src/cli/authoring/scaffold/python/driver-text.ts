/** The driver of a new pack, in Python. */
import { methodOf } from "../../../../model/manifest.ts";
import { type Choices, type ChosenCapability, isInventory } from "../choices.ts";
import { listedStates, statesOf } from "../states.ts";
import { textsOf } from "../transport.ts";
import { pythonTextsOf } from "./transport.ts";

const indented = (lines: readonly string[]): string => lines.map((line) => `        ${line}`).join("\n");
const listed = (words: readonly string[]): string => words.map((word) => JSON.stringify(word)).join(", ");

const inventory = `
    async def inventory_list(self, target_type):
        """Every target; the runner filters."""
        return [
            {
                "type": target_type,
                "external_id": thing["id"],
                "name": thing["name"],
                "attrs": {"state": thing["state"]},
                "labels": {},
            }
            for thing in await self._things()
        ]
`;

const read = ({ id }: ChosenCapability): string => `
    async def ${methodOf(id)}(self, target) -> dict:
        return {"ok": True, "details": dict(await self._find(target.id))}
`;

const write = ({ id, verbs }: ChosenCapability, { target, transport }: Choices): string => `
    async def ${methodOf(id)}(self, verb, target, dry_run) -> dict:
        if not dry_run:
            await self.transports.apply()      # sends the plan's steps; nothing else would pass
            return {"ok": True}
        thing = await self._find(target.id)
        return {
            "ok": True,
            "severity": "info",
            "preconditions": [{"check": "${target}_exists", "ok": True}],
            "plan": {
                "kind": "${textsOf[transport].kind}",
                "steps": [${pythonTextsOf[transport].step(target, statesOf(verbs))}],
            },
            "effects": {
                "summary": f"{target.id}: {verb}",
                "per_target": [{"id": target.id, "from": thing["state"], "to": verb}],
            },
        }
`;

const method = (chosen: ChosenCapability, choices: Choices): string => {
  if (isInventory(chosen)) return inventory;
  return chosen.isRead ? read(chosen) : write(chosen, choices);
};

const find = (target: string): string => `
    async def _find(self, id):
        for thing in await self._things():
            if thing["id"] == id:
                return thing
        raise DriverError("target_not_found", f"There is no ${target} {id}.")
`;

const importsOf = ({ capabilities, transport }: Choices, list: readonly string[], acts: boolean): string => {
  const { stepImports = [], probe } = pythonTextsOf[transport];
  const standard = probe.some((line) => line.includes("re.match(")) ? ["import re"] : [];
  const needed = capabilities.some(({ isRead }) => !isRead) ? stepImports : [];
  const own = acts || [...probe, ...list].some((line) => line.includes("DriverError"));
  const blocks = [[...standard, ...needed], own ? ["from switchyard import DriverError"] : []].filter(
    ({ length }) => length > 0,
  );
  return blocks.length === 0 ? "\n" : blocks.map((lines) => `${lines.join("\n")}\n\n`).join("");
};

/** As a text between three quotes may hold it. */
const inDocstring = (text: string): string => text.replaceAll("\\", "/").replaceAll('"', "'");

export const pythonDriverText = (choices: Choices): string => {
  const { name, className, transport, target, capabilities } = choices;
  const { adapter, probe, list } = pythonTextsOf[transport];
  const listing = list(target, listedStates(choices));
  const acts = capabilities.some((one) => !isInventory(one));
  const handles = capabilities.map(
    ({ id, verbs }) => `        "${id}": {"verbs": [${listed(verbs)}], "targets": ["${target}"]},`,
  );
  return `"""${inDocstring(name)}: what the runner may ask of it."""
${importsOf(choices, listing, acts)}
class ${className}:
    handles = {
${handles.join("\n")}
    }

    def __init__(self, instance, secrets, transports):
        self.config = instance.config          # what the instance was given, without its secrets
        self.transports = transports           # the runner's: a driver has no network of its own

    async def test_connection(self):
${indented(probe)}
${capabilities.map((one) => method(one, choices)).join("")}
    async def _things(self):
        """Each ${target} as the device tells of it: id, name and state."""
${indented(listing)}
${acts ? find(target) : ""}
    async def _ask(self, request):
        device = await self.transports.get("${adapter}")
        return await device.call(request)
`;
};
