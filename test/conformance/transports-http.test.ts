/** What an honest driver gets from the http transport. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { JsonObject } from "../../src/model/json.ts";
import { type Answerer, type HttpDevice, sendJson, startHttp } from "../kit/device.ts";
import { type BenchFacts, codeOf, openBench } from "../kit/transport-bench.ts";

let device: HttpDevice;
let answer: Answerer;
beforeAll(async () => {
  device = await startHttp((request, response) => answer(request, response));
});
afterAll(() => device.close());
beforeEach(() => {
  answer = (_, response) => sendJson(response, { data: [1] });
});

const facts = (block: JsonObject = {}, more: Partial<BenchFacts> = {}): BenchFacts => ({
  transports: { http: { url: "http://{host}:{port}/api", ...block } },
  config: { host: "127.0.0.1", port: device.port },
  capability: { writes: ["POST /*", "PUT /*", "DELETE /*/*"] },
  ...more,
});
const last = () => device.seen.at(-1) as HttpDevice["seen"][number];

describe("a request", () => {
  test("goes below the base path and is answered with status, headers, text and latency", async () => {
    await using bench = openBench(facts());
    const got = await bench.door().ask("http.request", { path: "/nodes/a%2Fb", query: { full: 1, q: "a b&c" } });
    expect(last()).toMatchObject({ method: "GET", url: "/api/nodes/a%2Fb?full=1&q=a%20b%26c", body: "" });
    expect(got).toMatchObject({ status: 200, body: '{"data":[1]}', headers: { "content-type": "application/json" } });
    expect((got as { latency_ms: number }).latency_ms).toBeGreaterThanOrEqual(0);
  });

  test("may name its place by a url that the device handed out", async () => {
    await using bench = openBench(facts());
    await bench.door().ask("http.request", { url: `http://127.0.0.1:${device.port}/api/items?page=2&x=%C3%A9` });
    expect(last().url).toBe("/api/items?page=2&x=%C3%A9");
  });

  test("may have an empty path", async () => {
    await using bench = openBench(facts());
    await bench.door().ask("http.request", {});
    expect(last().url).toBe("/api");
  });

  test.each([401, 403, 404, 500, 596])(
    "answered with %d is an answer, and a hint about a later failure",
    async (status) => {
      answer = (_, response) => sendJson(response, {}, status);
      await using bench = openBench(facts());
      const door = bench.door();
      expect(await door.ask("http.request", { path: "/x" })).toMatchObject({ status });
      const hints: Record<number, string> = {
        401: "auth_failed",
        403: "permission_denied_remote",
        500: "device_error",
        596: "device_error",
      };
      expect(door.lastFailure?.code).toBe(hints[status]);
      answer = (_, response) => sendJson(response, {});
      await door.ask("http.request", { path: "/x" });
      expect(door.lastFailure).toBeNull();
    },
  );

  test("is recorded with debug on, and only then", async () => {
    await using bench = openBench(facts());
    await bench.door().ask("http.request", { path: "/x" });
    await bench.door({ debug: true }).ask("http.request", { path: "/y", headers: { cookie: "a=b" } });
    expect(bench.journal.events).toMatchObject([
      { level: "debug", phase: "read", meta: { status: 200, request: { path: "/y" } } },
    ]);
    expect(JSON.stringify(bench.journal.events)).not.toContain("a=b");
  });
});

describe("a body", () => {
  const send = async (request: JsonObject, block: JsonObject = {}) => {
    await using bench = openBench(facts(block, { secrets: { token: "the-secret-token" } }));
    const handle = bench.session.handles["token"] ?? "";
    const text = JSON.stringify({ method: "POST", path: "/x", ...request }).replaceAll("HANDLE", handle);
    await bench.applying([JSON.parse(text)]).ask("apply", {});
    return last();
  };

  test("of JSON is written in canonical form", async () => {
    const { body, headers } = await send({ json: { b: 1, a: "\u20ac", c: [1e-7, null] } });
    expect([Buffer.from(body, "latin1").toString(), headers["content-type"]]).toEqual([
      '{"a":"€","b":1,"c":[1e-7,null]}',
      "application/json",
    ]);
  });

  test("of JSON with an integer beyond 2^53 or half a surrogate pair is refused", async () => {
    await using bench = openBench(facts());
    const door = () => bench.door({ mode: "free" });
    const count = device.seen.length;
    for (const json of [{ id: 2 ** 53 }, { id: "\ud800" }]) {
      expect(await codeOf(door().ask("http.request", { method: "POST", path: "/x", json }))).toBe("response_invalid");
    }
    expect(device.seen.length).toBe(count);
  });

  test("of a form keeps its order and repeated names", async () => {
    const { body, headers } = await send({
      form: [
        ["b", "1 &"],
        ["a", "2"],
        ["b", "3"],
      ],
    });
    expect([body, headers["content-type"]]).toEqual(["b=1+%26&a=2&b=3", "application/x-www-form-urlencoded"]);
  });

  test("of text and of bytes is sent as it is", async () => {
    expect(await send({ text: "a\nb", content_type: "text/x" })).toMatchObject({
      body: "a\nb",
      headers: { "content-type": "text/x" },
    });
    expect(await send({ base64: Buffer.from([0, 255]).toString("base64") })).toMatchObject({ body: "\u0000\u00ff" });
  });

  test("of several parts has the same boundary whenever its content is the same", async () => {
    const multipart = [
      { name: "a", text: "1" },
      { name: "f", filename: "x.bin", base64: "AAE=", content_type: "image/x" },
    ];
    const first = await send({ multipart });
    const second = await send({ multipart });
    expect(second.body).toBe(first.body);
    expect(first.headers["content-type"]).toMatch(/^multipart\/form-data; boundary=switchyard-[0-9a-f]{40}$/);
    expect(first.body).toContain('name="f"; filename="x.bin"\r\ncontent-type: image/x\r\n\r\n\u0000\u0001\r\n');
  });

  test("holds a secret in the field that places[] names, and in a header behind a literal prefix", async () => {
    const places = ["/auth/password", "/pin"];
    const json = await send(
      { json: { auth: { password: "HANDLE" } }, headers: { "X-Auth": "Key HANDLE" } },
      { places },
    );
    expect([json.body, json.headers["x-auth"]]).toEqual([
      '{"auth":{"password":"the-secret-token"}}',
      "Key the-secret-token",
    ]);
    expect((await send({ form: { pin: "HANDLE" } }, { places })).body).toBe("pin=the-secret-token");
  });

  test("of a stored step holds a reference, never the secret or its handle", async () => {
    await using bench = openBench(facts({ places: ["/password"] }, { secrets: { token: "the-secret-token" } }));
    const handle = bench.session.handles["token"] ?? "";
    const [step] = bench.normalise([
      { transport: "http", method: "POST", path: "/x", json: { password: handle }, headers: { "x-a": handle } },
    ]);
    expect(step).toMatchObject({ json: { password: "{secret:token}" }, headers: { "x-a": "{secret:token}" } });
    expect(bench.session.preview([step as never])).toEqual([
      'POST /api/x {"password":"[secret:token]"}\nheader x-a: [secret:token]',
    ]);
  });
});

describe("the manifest's part", () => {
  test("places headers, credentials and write headers, the first alternative whose fields are there", async () => {
    const block = {
      headers: {
        "X-Key": ["{absent}:{secret:token}", "{secret:missing}", "plain={secret:token}"],
        "X-Gone": "{absent}",
      },
      basic: "{user}:{secret:token}",
      write_headers: { "X-Write": "yes" },
    };
    const more = { config: { ...facts().config, user: "joe" }, secrets: { token: "the-secret-token" } };
    await using bench = openBench(facts(block, more));
    await bench.door().ask("http.request", { path: "/x" });
    const basic = `Basic ${Buffer.from("joe:the-secret-token").toString("base64")}`;
    expect(last().headers).toMatchObject({ "x-key": "plain=the-secret-token", authorization: basic });
    expect(Object.keys(last().headers)).not.toContain("x-gone");
    expect(Object.keys(last().headers)).not.toContain("x-write");
    await bench.door({ mode: "free" }).ask("http.request", { method: "POST", path: "/x" });
    expect(last().headers["x-write"]).toBe("yes");
  });

  test("says which answers are errors although their status is 200", async () => {
    await using bench = openBench(facts({ ok: { "/error": "absent", "/state": "fine" } }));
    answer = (_, response) => sendJson(response, { state: "fine", error: { code: 1 } });
    const door = bench.applying([{ transport: "http", method: "POST", path: "/x" }]);
    await door.ask("apply", {});
    expect([door.stepsDone, door.lastFailure?.code]).toEqual([0, "device_error"]);
    bench.journal.entries.length = 0;
    answer = (_, response) => sendJson(response, { state: "fine" });
    const good = bench.applying([{ transport: "http", method: "POST", path: "/x" }]);
    await good.ask("apply", {});
    expect(good.stepsDone).toBe(1);
  });

  test("lets a step name further statuses that are success", async () => {
    answer = (_, response) => sendJson(response, {}, 409);
    await using bench = openBench(facts());
    const door = bench.applying([{ transport: "http", method: "POST", path: "/x", accept: [409] }]);
    await door.ask("apply", {});
    expect(door.stepsLeft).toBe(0);
  });

  test("may name several endpoints", async () => {
    const transports = {
      http: { url: "http://{host}:{port}/a" },
      "http.b": { url: "http://{host}:{port}/b" },
      "http.c": { url: "{absent}" },
    };
    await using bench = openBench({ transports, config: facts().config });
    await bench.door().ask("http.request", { transport: "http.b", path: "/x" });
    expect(last().url).toBe("/b/x");
    expect(await codeOf(bench.door().ask("http.request", { transport: "http.c", path: "/x" }))).toBe(
      "endpoint_not_allowed",
    );
  });
});

describe("what a device says", () => {
  test("reaches the driver with handles in the place of secrets and cookies", async () => {
    await using bench = openBench(
      facts({ headers: { "x-key": "{secret:token}" } }, { secrets: { token: "the-secret-token" } }),
    );
    const encoded = Buffer.from("x:the-secret-token").toString("base64");
    answer = (request, response) => {
      response.setHeader("set-cookie", ["SID=cookie-value-1; Path=/", "lang=en"]);
      response.setHeader("x-echo", String(request.headers["x-key"]));
      sendJson(response, { key: request.headers["x-key"], encoded, cookie: request.headers.cookie ?? null });
    };
    const door = bench.door();
    const got = (await door.ask("http.request", { path: "/x" })) as { body: string; headers: Record<string, string> };
    const handle = bench.session.handles["token"];
    expect(got.headers["x-echo"]).toBe(handle);
    expect(JSON.parse(got.body)).toMatchObject({ key: handle });
    expect(JSON.stringify(got)).not.toMatch(/the-secret-token|cookie-value-1/);
    expect(got.body).not.toContain(encoded.slice(4, -4));
    const cookie = /SID=(swh_[0-9a-f]{32}); Path/.exec(got.headers["set-cookie"] ?? "")?.[1];
    await door.ask("http.request", { path: "/x", headers: { cookie: `SID=${cookie}` } });
    expect(last().headers.cookie).toBe("SID=cookie-value-1");
    const step = { transport: "http", method: "POST", path: "/x", headers: { cookie: `SID=${cookie}` } };
    expect(() => bench.normalise([step])).toThrow(expect.objectContaining({ code: "handle_misplaced" }));
  });

  test("reaches a pack with secrets:raw as it is, but never a stored step", async () => {
    await using bench = openBench(facts({}, { secrets: { token: "the-secret-token" }, rawSecrets: true }));
    expect(bench.session.handles).toEqual({ token: "the-secret-token" });
    const step = { transport: "http", method: "POST", path: "/x", text: "the-secret-token" };
    expect(() => bench.normalise([step])).toThrow(expect.objectContaining({ code: "handle_misplaced" }));
  });

  test("redirects a read three times at most, inside the endpoint", async () => {
    await using bench = openBench(facts());
    answer = (request, response) => {
      const left = Number(new URL(request.url, "http://x").searchParams.get("left"));
      const location = left % 2 === 0 ? `/api/x?left=${left - 1}` : `x?left=${left - 1}`;
      if (left === 0) sendJson(response, { done: true });
      else response.writeHead(302, { location }).end();
    };
    expect(await bench.door().ask("http.request", { path: "/x", query: { left: 3 } })).toMatchObject({
      body: '{"done":true}',
    });
    expect(await codeOf(bench.door().ask("http.request", { path: "/x", query: { left: 4 } }))).toBe("device_error");
  });
});

describe("a write of the driver's own", () => {
  test("waits as long as the driver says", async () => {
    answer = (_, response) => void setTimeout(() => sendJson(response, { done: true }), 300);
    await using bench = openBench(facts({}, { defaults: { http: { timeout_s: 0.1 } } }));
    const request = { method: "POST", path: "/x", timeout_ms: 5_000 };
    expect(await bench.door({ mode: "free" }).ask("http.request", request)).toMatchObject({ status: 200 });
  });

  test("is recorded by the hash of a long text, the same in each attempt", async () => {
    await using bench = openBench(facts());
    const request = { method: "POST", path: "/x", base64: Buffer.alloc(20_000).toString("base64") };
    await bench.door({ mode: "free" }).ask("http.request", request);
    expect(JSON.stringify(bench.journal).length).toBeLessThan(4_000);
    const count = device.seen.length;
    expect(await bench.door({ mode: "free" }).ask("http.request", request)).toMatchObject({ status: 200 });
    expect(device.seen.length).toBe(count);
  });
});

test("a secret of the action itself is placed by a name with a dot", async () => {
  await using bench = openBench(
    facts({ places: ["/password"] }, { secrets: { "params.new_password": "a-new-password" } }),
  );
  const password = bench.session.handles["params.new_password"] ?? "";
  const step = {
    transport: "http",
    method: "POST",
    path: "/x",
    json: { password },
    headers: { "x-a": `K ${password}` },
  };
  await bench.applying([step]).ask("apply", {});
  expect(last()).toMatchObject({ body: '{"password":"a-new-password"}', headers: { "x-a": "K a-new-password" } });
  expect(JSON.stringify(bench.journal.entries)).toContain("[secret:params.new_password]");
});
