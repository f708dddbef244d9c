/** A driver in Python as the runner calls it: what it is made with, how arguments find it, and what its answers become. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { SwitchyardError } from "../../src/errors.ts";
import { asDryRunResult } from "../../src/model/dry-run.ts";
import { canRunPython, openPythonBench } from "../kit/python.ts";
import { type Bench, failure, mostAtOnce } from "../kit/sandbox.ts";

const driver = `
import asyncio
import logging
import sys

from helpers.words import greeting
from switchyard import DriverError
import vendored

calls = 0


class Base:
    async def inherited(self):
        return "from the base"


class D(Base):
    def __init__(self, instance, secrets, transports):
        self.instance = instance
        self.secrets = secrets
        self.transports = transports

    async def test_connection(self):
        instance = self.instance
        return {
            "status": "warning", "latency_ms": None,
            "details": {"about": [instance.instance_id, instance.type_id, instance.name], "secrets": self.secrets},
        }

    async def inventory_list(self, target_type, active_only=True, options=None):
        return [
            {"type": "stack-member", "id": 1, "name": None, "attrs": None},
            {"type": target_type, "external_id": "two", "name": "Two", "attrs": {"a": active_only}, "labels": {"o": options}},
        ]

    async def older_inventory(self, target_type, dry_run):
        return [target_type, dry_run]

    async def with_verb(self, verb, target, dry_run, *, params):
        return {"verb": verb, "by_key": target["external_id"], "by_name": target.external_id, "type": target.type, "dry": dry_run, "params": params}

    def without_verb(self, target, params):
        return {"params": params, "ports": target["poe-port"], "children": target["children"], "dict": isinstance(target, dict)}

    @staticmethod
    async def everything(**given):
        return sorted(given)

    async def counts(self):
        global calls
        calls += 1
        return {"calls": calls, "vendored": vendored.answer, "greeting": greeting}

    async def config_is_its_own(self):
        self.instance.config["host"] = "changed"
        return self.instance.config

    async def speaks(self):
        print("printed", {"a": 1})
        logging.getLogger("acme").warning("logged %s", 2)
        self.instance.progress(50, "half")
        self.instance.artifact("a.txt", "text", "text/plain")

    async def known(self):
        raise DriverError("auth_failed", "The token is not accepted.", {"realm": "pam"})

    async def light_power(self, verb, target, params, dry_run):
        if "level" not in params:
            raise DriverError("params_invalid", "Expected a level for on, got none.")
        checks = [{"check": "has_power", "ok": False, "message": "The fuse is out.", "details": None}]
        return {"ok": False, "severity": "warning", "preconditions": checks, "plan": {"kind": "api"}, "effects": {"summary": verb}}

    async def invented(self):
        raise DriverError("not_a_code", "Something else.")

    async def stumbles(self):
        return {}["missing"]

    async def catches(self):
        http = await self.transports.get("http")
        try:
            await http.call({"path": "/a"})
        except DriverError as error:
            return [error.code, error.message, error.details]

    async def lets_through(self):
        http = await self.transports.get("http")
        answer = await http.call({"path": "/a"})
        return [answer["ok"], type(answer["data"]).__name__]

    async def many(self):
        http = await self.transports.get("http")
        answers = await asyncio.gather(*(http.call({"path": "/%d" % index}) for index in range(60)))
        return len(answers)

    async def wants_mqtt(self):
        await self.transports.get("mqtt")

    async def unknown_parameter(self, nonsense):
        pass

    async def blocks_in_a_thread(self):
        import time
        return await asyncio.to_thread(lambda: time.sleep(0.01) or "slept")

    async def numbers_its_keys(self):
        return {100: {"name": "vm"}, True: None}

    handles = {"light.power": {"verbs": ["on"], "targets": ["lamp"]}}
`;

const pack = {
  "driver.py": driver,
  "helpers/words.py": 'greeting = "hello"\n',
  "vendor/vendored.py": "answer = 42\n",
};

describe.skipIf(!canRunPython)("a driver in Python", () => {
  let bench: Bench;
  beforeAll(async () => {
    bench = await openPythonBench(pack);
  });
  afterAll(() => bench.close());
  afterEach(() => {
    bench.events.length = 0;
    bench.asked.length = 0;
  });

  test("is made with its instance, handles for secrets and the transports; its words on a test are the runner's", async () => {
    expect(await bench.call("test_connection")).toEqual({
      status: "degraded",
      details: { about: ["ins_1", "acme.lamp", "lamp"], secrets: { token: "handle-1" }, driver_status: "warning" },
    });
  });

  test("raises what it knows better than the schema, and says warning for warn", async () => {
    const asked = { verb: "on", target: { id: "1" }, dryRun: true };
    const refused = bench.call("light_power", { ...asked, params: {} });
    await expect(refused).rejects.toMatchObject({
      code: "params_invalid",
      message: "Expected a level for on, got none.",
    });
    expect(asDryRunResult(await bench.call("light_power", { ...asked, params: { level: 1 } }))).toMatchObject({
      severity: "warn",
      preconditions: [{ check: "has_power", ok: false, details: "The fuse is out." }],
    });
  });

  test("lists targets with the ids, types and members that the runner expects", async () => {
    expect(
      await bench.call("inventory_list", { targetType: "vm", activeOnly: false, options: { deep: true } }),
    ).toEqual([
      { type: "stack_member", external_id: "1", name: "1", attrs: {}, labels: {} },
      { type: "vm", external_id: "two", name: "Two", attrs: { a: false }, labels: { o: { deep: true } } },
    ]);
  });

  const action = {
    verb: "set",
    target: { type: "poe_port", id: "1/1, 1/4", external_id: "1/1, 1/4" },
    params: { state: "on" },
    dryRun: false,
  };

  test("gets arguments by their names, and a target by key and by attribute", async () => {
    expect(await bench.call("with_verb", action)).toEqual({
      verb: "set",
      by_key: "1/1, 1/4",
      by_name: "1/1, 1/4",
      type: "poe_port",
      dry: false,
      params: { state: "on" },
    });
    expect(await bench.call("older_inventory", { targetType: "vm" })).toEqual(["vm", false]);
    expect(await bench.call("everything", action)).toEqual(
      ["verb", "target", "params", "dry_run", "target_type", "active_only", "options", "plan"].sort(),
    );
  });

  test("without a parameter for it, finds the verb among the others; ports lie where switches' drivers look for them", async () => {
    expect(await bench.call("without_verb", action)).toEqual({
      params: { state: "on", action: "set" },
      ports: { ids: ["1/1", "1/4"] },
      children: [{ poe_port: "1/1" }, { poe_port: "1/4" }],
      dict: true,
    });
  });

  test("may number the keys of its answer: JSON has texts for them", async () => {
    expect(await bench.call("numbers_its_keys")).toEqual({ "100": { name: "vm" }, true: null });
  });

  test("keeps its module between calls, and imports its own and vendored modules", async () => {
    const [first, second] = [await bench.call("counts"), await bench.call("counts")];
    expect(first).toMatchObject({ vendored: 42, greeting: "hello" });
    expect((second as { calls: number }).calls).toBe((first as { calls: number }).calls + 1);
  });

  test("may change the config of a call, and of that call alone", async () => {
    expect(await bench.call("config_is_its_own")).toEqual({ host: "changed" });
    expect(await bench.call("inherited")).toBe("from the base");
    expect(await bench.call("config_is_its_own", {}, { config: { host: "as given" } })).toEqual({ host: "changed" });
  });

  test("prints, logs and keeps files as events of its call", async () => {
    expect(await bench.call("speaks")).toBe(null);
    expect(bench.events).toEqual([
      { kind: "log", level: "info", message: "printed {'a': 1}", meta: { printed: true } },
      { kind: "log", level: "warn", message: "logged 2", meta: { logger: "acme" } },
      { kind: "progress", percent: 50, message: "half" },
      { kind: "artifact", name: "a.txt", contentType: "text/plain", base64: "dGV4dA==" },
    ]);
  });

  test("names a cause by a code of the table; other errors keep their words and their place", async () => {
    const known = await failure(bench.call("known"));
    expect(known).toMatchObject({ code: "auth_failed", message: "The token is not accepted." });
    expect(known.details).toEqual({ realm: "pam", at: expect.stringMatching(/^driver\.py:\d+$/) });
    const invented = await failure(bench.call("invented"));
    expect(invented).toMatchObject({ code: "driver_failed", details: { driver_code: "not_a_code" } });
    const stumbled = await failure(bench.call("stumbles"));
    expect(stumbled).toMatchObject({ code: "driver_failed" });
    expect(stumbled.message).toMatch(/^KeyError: 'missing' \(at driver\.py:\d+\)$/);
    expect(await failure(bench.call("absent"))).toMatchObject({ message: "The driver has no method absent." });
  });

  test("hears what the runner refuses with its code; when it lets that through, the job gets it as it was", async () => {
    const refusal = new SwitchyardError("read_only_violation", { detail: "POST is a write.", details: { a: 1 } });
    const ask = () => Promise.reject(refusal);
    expect(await bench.call("catches", {}, { ask })).toEqual(["read_only_violation", "POST is a write.", { a: 1 }]);
    expect(await failure(bench.call("lets_through", {}, { ask }))).toBe(refusal);
  });

  test.each([
    ["JSON", '{"a": 1}', "dict"],
    ["nothing", "", "NoneType"],
    ["HTML", "<html>", "str"],
    ["JSON of more levels than Python reads", "[".repeat(100_000) + "]".repeat(100_000), "str"],
  ])("gets a body of %s as what it is", async (_what, body, type) => {
    const ask = async () => ({ status: 200, headers: {}, body, latency_ms: 1 });
    expect(await bench.call("lets_through", {}, { ask })).toEqual([true, type]);
  });

  test("more requests than may be open at once wait inside the sandbox", async () => {
    const { answer, most } = await mostAtOnce(bench, "many");
    expect(answer).toBe(60);
    expect(most).toBeLessThanOrEqual(16);
  });

  test("that asks for a transport or a parameter that there is not is told which there are", async () => {
    expect((await failure(bench.call("wants_mqtt"))).message).toMatch(/http, ssh, snmp, telnet or tcp, got 'mqtt'/);
    expect((await failure(bench.call("unknown_parameter"))).message).toMatch(
      /asks for nonsense: expected parameters named verb/,
    );
  });

  test("that lets a thread work and waits for it stays warm", async () => {
    await bench.call("blocks_in_a_thread");
    const before = bench.pool.stats().processes;
    expect(await bench.call("blocks_in_a_thread")).toBe("slept");
    expect(bench.pool.stats().processes).toBe(before);
  });

  test("shows its methods, its handles, and whose parameters nobody can give", async () => {
    const { methods, handles, signatures, importError } = await bench.pool.inspect(
      bench.dir,
      "driver:D",
      5_000,
      "python",
    );
    expect(importError).toBe(null);
    expect(methods).toMatchObject({ test_connection: 0, inherited: 0, everything: 0 });
    expect(handles).toEqual({ "light.power": { verbs: ["on"], targets: ["lamp"] } });
    expect(signatures).toEqual({
      unknown_parameter: expect.stringMatching(/^expected parameters named verb, .*, got nonsense$/),
    });
  });
});
