/** A driver in Python over SNMP: two columns of the table of interfaces. */
import type { MadeUp } from "../texts.ts";
import type { PythonTexts } from "./texts.ts";

const table = "1.3.6.1.2.1.2.2.1";

const walked = (column: number, type: number, value: string | number): MadeUp => [
  { op: "snmp.walk", oid: `${table}.${column}` },
  { base: `${table}.${column}.`, names: ["1"], types: [type], values: [value], hex: [] },
];

export const snmp: PythonTexts = {
  adapter: "snmp",
  probe: [
    'oid = "1.3.6.1.2.1.1.1.0"',
    'answer = await self._ask({"op": "get", "oid": oid})',
    'details = {"description": str(answer["data"].get(oid, ""))}',
    'return {"status": "connected", "latency_ms": answer["latency_ms"], "details": details}',
  ],
  list: (_, { on, off }) => [
    "# The table of interfaces: description and administrative state.",
    `names = (await self._ask({"op": "walk", "oid": "${table}.2"}))["data"]`,
    `states = (await self._ask({"op": "walk", "oid": "${table}.7"}))["data"]`,
    "things = []",
    "for oid, name in names.items():",
    '    own = oid.rsplit(".", 1)[-1]',
    `    state = "${on}" if states.get("${table}.7." + own) == 1 else "${off}"`,
    '    things.append({"id": own, "name": str(name), "state": state})',
    "return things",
  ],
  step: (_, { verb }) =>
    `{
                    "transport": "snmp",
                    "set": [{"oid": "${table}.7." + target.id, "type": "Integer", "value": 1 if verb == "${verb}" else 2}],
                }`,
  answers: () => [
    "data = {",
    '    "1.3.6.1.2.1.1.1.0": {"1.3.6.1.2.1.1.1.0": "A device"},',
    `    "${table}.2": {"${table}.2.1": "First"},`,
    `    "${table}.7": {"${table}.7.1": 2},`,
    '}[request["oid"]]',
    'return {"ok": True, "status": 0, "data": data, "latency_ms": 3}',
  ],
  listed: [walked(2, 4, "First"), walked(7, 2, 2)],
};
