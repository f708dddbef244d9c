/** What a driver holds: its clients turn calls into questions to the runner, and answers into values. */
import { expect, test } from "vitest";
import { attachDriver, type DriverContext } from "../../src/sdk/driver.ts";
import { Driver, type DriverEvent } from "../../src/sdk/index.ts";

interface Config {
  readonly host: string;
}
class Plain extends Driver<Config> {}

const open = (answers: readonly unknown[] = []) => {
  const asked: [string, unknown][] = [];
  const events: DriverEvent[] = [];
  const left = [...answers];
  const context: DriverContext = {
    config: { host: "device" },
    secrets: { token: "handle-1" },
    ask: async (op, args) => {
      asked.push([op, args]);
      return left.shift();
    },
    emit: (event) => events.push(event),
  };
  return { driver: new Plain(context), context, asked, events };
};

const httpAnswer = (body: string, status = 200) => ({ status, headers: { etag: "1" }, body, latency_ms: 3 });

test("a driver sees its config and its secrets' handles", () => {
  const { driver } = open();
  expect(driver.config.host).toBe("device");
  expect(driver.secrets).toEqual({ token: "handle-1" });
});

test("a driver whose constructor passes nothing on is attached all the same", () => {
  class Own extends Driver<Config> {
    // biome-ignore lint/complexity/noUselessConstructor: it swallows the context, which is the point here.
    constructor() {
      super();
    }
  }
  const driver = new Own();
  attachDriver(driver, open().context);
  expect(driver.config.host).toBe("device");
});

test("an http request is asked of the default endpoint and answers with the body as text and as JSON", async () => {
  const { driver, asked } = open([httpAnswer('{"version":"9.1"}')]);
  const answer = await driver.transports.http.request({ path: "/version", query: { full: true } });
  expect(asked).toEqual([["http.request", { path: "/version", query: { full: true }, transport: "http" }]]);
  expect(answer).toMatchObject({ status: 200, latency_ms: 3, headers: { etag: "1" } });
  expect(answer.json()).toEqual({ version: "9.1" });
});

test("a body that is no JSON is a protocol mismatch that shows how it began", async () => {
  const { driver } = open([httpAnswer("<html>login</html>", 401)]);
  const answer = await driver.transports.http.request({ path: "/" });
  expect(() => answer.json()).toThrowError(/Expected a JSON body, got \(status 401\): <html>login/);
});

test("a request cannot choose another endpoint than its client's", async () => {
  const { driver, asked } = open([httpAnswer("{}")]);
  await driver.transports.named("http.legacy").request({ path: "/", transport: "http.other" } as { path: string });
  expect(asked[0]?.[1]).toMatchObject({ transport: "http.legacy" });
});

test("an unknown kind of transport is refused by name", () => {
  const { driver } = open();
  expect(() => driver.transports.named("smtp" as "http")).toThrowError(/got "smtp"/);
  expect(() => driver.transports.named("constructor" as "http")).toThrowError(/got "constructor"/);
});

test("a tcp session keeps its number from open to close", async () => {
  const { driver, asked } = open([{ conn: 7 }, null, { lines: ["OK"] }, null]);
  const session = await driver.transports.tcp.open();
  await session.send("VER");
  expect(await session.readUntil("OK*", { timeout_ms: 500 })).toEqual(["OK"]);
  await session.close();
  expect(asked).toEqual([
    ["tcp.open", { transport: "tcp" }],
    ["tcp.send", { conn: 7, line: "VER" }],
    ["tcp.read_until", { conn: 7, pattern: "OK*", timeout_ms: 500 }],
    ["tcp.close", { conn: 7 }],
  ]);
});

test("apply sends the next steps and gives http answers their json()", async () => {
  const { driver, asked } = open([[httpAnswer('{"data":"UPID"}')], [{ lines: ["OK"] }]]);
  const [first] = await driver.apply(1);
  expect(first?.json()).toEqual({ data: "UPID" });
  expect(await driver.apply<{ lines: string[] }>()).toEqual([{ lines: ["OK"] }]);
  expect(asked).toEqual([
    ["apply", { count: 1 }],
    ["apply", {}],
  ]);
});

test("log lines, progress and artifacts are events", () => {
  const { driver, events } = open();
  driver.log.warn("slow", { ms: 900 });
  driver.progress(40, "half way");
  driver.artifact("config.txt", "line", "text/plain");
  expect(events).toEqual([
    { kind: "log", level: "warn", message: "slow", meta: { ms: 900 } },
    { kind: "progress", percent: 40, message: "half way" },
    { kind: "artifact", name: "config.txt", contentType: "text/plain", base64: "bGluZQ==" },
  ]);
});
