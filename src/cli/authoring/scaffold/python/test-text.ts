/** The first test of a new pack in Python: its driver before a fake device. */
import { methodOf } from "../../../../model/manifest.ts";
import { type Choices, type ChosenCapability, isInventory } from "../choices.ts";
import { madeUpState } from "../recording-text.ts";
import { textsOf } from "../transport.ts";
import { pythonTextsOf } from "./transport.ts";

const pythonWord = (value: unknown): string =>
  typeof value === "boolean" ? (value ? "True" : "False") : JSON.stringify(value);

const actionTest = ({ id, verbs }: ChosenCapability): string => `
    async def test_${methodOf(id)}_plans_one_step_and_sends_what_it_planned(self):
        planned = await self.driver.${methodOf(id)}(verb="${verbs[0]}", target=first, dry_run=True)
        self.assertEqual(len(planned["plan"]["steps"]), 1)
        self.assertNotIn("apply", self.device.asked, "a plan writes nothing")
        self.assertEqual(await self.driver.${methodOf(id)}(verb="${verbs[0]}", target=first, dry_run=False), {"ok": True})
        self.assertEqual(self.device.asked[-1], "apply")
`;

const readTest = ({ id }: ChosenCapability, { target }: Choices): string => `
    async def test_${methodOf(id)}_tells_of_one_${target}(self):
        told = await self.driver.${methodOf(id)}(target=first)
        self.assertEqual(told["details"]["name"], "First")
`;

export const pythonTestText = (choices: Choices): string => {
  const { className, transport, target, capabilities } = choices;
  const actions = capabilities.filter((one) => !isInventory(one));
  const config = Object.entries(textsOf[transport].device).map(([name, value]) => `"${name}": ${pythonWord(value)}`);
  const first = `first = SimpleNamespace(type="${target}", id="1", external_id="1")\n`;
  return `"""The driver before a fake device that answers as the real one does."""
import unittest
from types import SimpleNamespace

from driver import ${className}

${actions.length > 0 ? first : ""}instance = SimpleNamespace(config={${config.join(", ")}})


class Device:
    """What the runner's transports are to the driver."""

    def __init__(self):
        self.asked = []

    async def get(self, name):
        return self

    async def call(self, request, timeout_s=None):
        self.asked.append(request)
${pythonTextsOf[transport]
  .answers(target)
  .map((line) => `        ${line}`)
  .join("\n")}

    async def apply(self, count=None):
        self.asked.append("apply")
        return []


class DriverTest(unittest.IsolatedAsyncioTestCase):
    def setUp(self):
        self.device = Device()
        self.driver = ${className}(instance=instance, secrets={}, transports=self.device)

    async def test_it_connects(self):
        self.assertEqual((await self.driver.test_connection())["status"], "connected")

    async def test_it_lists_each_${target}(self):
        first = {"type": "${target}", "external_id": "1", "name": "First", "attrs": {"state": "${madeUpState(choices)}"}, "labels": {}}
        self.assertEqual(await self.driver.inventory_list(target_type="${target}"), [first])
${actions.map((one) => (one.isRead ? readTest(one, choices) : actionTest(one))).join("")}`;
};
