/** A driver in Python whose device says first how many lines follow: a real Redis, asked over lines of tcp. */
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Author, openAuthor } from "../kit/author.ts";
import { endProgram, findProgram, freePort, hasPrograms, spawnGuarded } from "../kit/program.ts";
import { canRunPython } from "../kit/python.ts";
import { until } from "../kit/system.ts";

const manifest = `id: acme.sets
name: Members of a set
version: 1.0.0
min_core_version: 1.0.0
category: storage
driver: { entrypoint: "driver:Sets", language: python }
schema:
  connection:
    type: object
    additionalProperties: false
    required: [host, port]
    properties:
      host: { type: string }
      port: { type: integer }
transports:
  tcp: { host: "{host}", port: "{port}", line: "\\r\\n", reads: [PING, "LRANGE lamps 0 -1"] }
capabilities:
  - { id: inventory.list, verbs: [list], targets: [lamp] }
`;

const driver = `
class Sets:
    def __init__(self, instance, secrets, transports):
        self.transports = transports

    async def test_connection(self):
        redis = await self.transports.get("tcp")
        answer = await redis.call({"command": "PING", "prompt": "^[+-]", "whole": True})
        return {"status": "connected" if answer["data"]["output"] == "+PONG" else "error", "latency_ms": answer["latency_ms"]}

    async def inventory_list(self, target_type):
        redis = await self.transports.get("tcp")
        head = await redis.call({"command": "LRANGE lamps 0 -1", "prompt": "^[*-]", "whole": True})
        count = int(head["data"]["output"][1:])
        rest = await redis.call({"read": [""] * (2 * count), "whole": True}, timeout_s=5)
        lines = [line for result in rest["data"]["results"] for line in result["lines"]]
        sizes, names = lines[0::2], lines[1::2]
        assert all(size == "$%d" % len(name.encode()) for size, name in zip(sizes, names)), lines
        return [{"type": target_type, "external_id": name} for name in names]
`;

const names = Array.from({ length: 120 }, (_, index) => `lamp-${index}-${"x".repeat(index % 40)}`);

describe.skipIf(!canRunPython || !hasPrograms("redis-server", "redis-cli"))(
  "answers that begin with their length",
  () => {
    let author: Author;
    let redis: ReturnType<typeof spawnGuarded>;
    let port = 0;
    beforeAll(async () => {
      author = openAuthor();
      port = await freePort();
      const settings = { port, bind: "127.0.0.1", save: "", appendonly: "no", dir: author.home };
      const args = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, String(value)]);
      redis = spawnGuarded(findProgram("redis-server") ?? "redis-server", args);
      const command = ["-p", String(port), "RPUSH", "lamps", ...names];
      await until(async () => {
        const child = spawnGuarded(findProgram("redis-cli") ?? "redis-cli", command);
        const code = await new Promise<number | null>((resolve) => child.on("close", resolve));
        return code === 0 ? true : undefined;
      }, "a Redis that answers");
    }, 60_000);
    afterAll(async () => {
      await endProgram(redis);
      author.dispose();
    });

    it("are read to their last line, and replay", async () => {
      author.write("sets", { "plugin.yaml": manifest, "driver.py": driver });
      const set = ["--set", "host=127.0.0.1", "--set", `port=${port}`];
      const calls = ["--call", "test_connection", "--call", "inventory_list type=lamp"];
      const { code, out, err } = await author.run(["record", "sets", ...set, ...calls, "--json"]);
      expect({ code, out, err }).toMatchObject({ code: 0, err: "" });
      const [tested, listed] = (JSON.parse(out) as { calls: { result: { external_id: string }[] }[] }).calls;
      expect(tested).toMatchObject({ result: { status: "connected" } });
      expect(listed?.result.map(({ external_id }) => external_id)).toEqual(names);
      expect(await author.run(["replay", join(author.home, "sets")])).toMatchObject({ code: 0 });
    });
  },
);
