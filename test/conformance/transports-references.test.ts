/** References of a step to the answers of earlier ones. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { JsonObject } from "../../src/model/json.ts";
import { type Answerer, type HttpDevice, sendJson, startHttp } from "../kit/device.ts";
import { type BenchFacts, codeOf, openBench } from "../kit/transport-bench.ts";

let device: HttpDevice;
let answer: Answerer;
beforeAll(async () => {
  device = await startHttp((request, response) => answer(request, response));
});
afterAll(() => device.close());

const facts = (more: Partial<BenchFacts> = {}): BenchFacts => ({
  transports: { http: { url: "http://{host}:{port}/api" } },
  config: { host: "127.0.0.1", port: device.port },
  capability: { writes: ["POST /*"] },
  ...more,
});
const last = () => device.seen.at(-1) as HttpDevice["seen"][number];

describe("references to earlier answers", () => {
  const steps = (match: string): JsonObject[] => [
    { transport: "http", method: "POST", path: "/start" },
    {
      transport: "http",
      method: "DELETE",
      path: "/tasks/_",
      query: [["id", ""]],
      json: { upid: null },
      refs: {
        "/json/upid": { step: 0, at: "/data", match },
        "/path/1": { step: 0, at: "/data", match },
        "/query/0/1": { step: 0, at: "/data", match },
      },
    },
  ];
  const rights = { capability: { writes: ["POST /start", "DELETE /tasks/*?*"] } };

  test("fill JSON, query and one segment of the path", async () => {
    answer = (_, response) => sendJson(response, { data: "UPID:a/b:1" });
    await using bench = openBench(facts(rights));
    await bench
      .applying(steps("^UPID:"))
      .ask("apply", {})
      .catch(() => undefined);
    expect(last().method).toBe("POST");
    answer = (_, response) => sendJson(response, { data: "UPID:a:1" });
    bench.journal.entries.length = 0;
    await bench.applying(steps("^UPID:")).ask("apply", {});
    expect(last()).toMatchObject({
      method: "DELETE",
      url: "/api/tasks/UPID%3Aa%3A1?id=UPID%3Aa%3A1",
      body: '{"upid":"UPID:a:1"}',
    });
  });

  test.each(["x".repeat(257), "..", 1.5, { a: 1 }, null, "other"])("send nothing for %j", async (data) => {
    answer = (_, response) => sendJson(response, { data });
    await using bench = openBench(facts(rights));
    const door = bench.applying(steps("^(UPID|x|\\.\\.)"));
    expect(await codeOf(door.ask("apply", {}))).toBe("plan_deviation");
    expect(last().method).toBe("POST");
  });

  test.each([
    { "/headers/x": { step: 0, at: "", match: "x" } },
    { "/json/x": { step: 1, at: "", match: "x" } },
    { "/json/x": { step: 0, at: "" } },
    { "/path/9": { step: 0, at: "", match: "x" } },
    { "/json/x": { step: 0, at: "", match: "(?=x)" } },
  ] as JsonObject[])("are refused in the wrong shape: %j", async (refs) => {
    await using bench = openBench(facts());
    const [first] = steps("x");
    expect(() =>
      bench.normalise([first as JsonObject, { transport: "http", method: "POST", path: "/x", refs }]),
    ).toThrow();
  });
});
