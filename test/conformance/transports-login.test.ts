/** Login sessions over http: once per mode, again when the device forgets them, never after a refusal. */
import { expect, test } from "vitest";
import { sendJson, startHttp } from "../kit/device.ts";
import { type BenchFacts, codeOf, instanceOf, openBench } from "../kit/transport-bench.ts";

const facts = (port: number, more: Partial<BenchFacts> = {}): BenchFacts => ({
  transports: {
    http: {
      url: "http://{host}:{port}",
      login: {
        request: { method: "POST", path: "/login", json: { user: "{user}", password: "{secret:password}" } },
        take: { sid: "cookie:SID", csrf: "json:/csrf" },
        again_on: [401],
      },
      headers: { Cookie: "SID={login:sid}" },
      write_headers: { "X-CSRF": "{login:csrf}" },
    },
  },
  config: { host: "127.0.0.1", port, user: "joe" },
  secrets: { password: "long-password" },
  capability: { writes: ["POST /act"] },
  ...more,
});

/** A device with sessions: `forget` ends them all, `refuse` says no to every login. */
const startDevice = async () => {
  const state = { logins: 0, isRefusing: 0, valid: "" };
  const device = await startHttp((request, response) => {
    if (request.url === "/login") {
      state.logins += 1;
      if (state.isRefusing > 0) return sendJson(response, {}, state.isRefusing);
      state.valid = `session-number-${state.logins}`;
      response.setHeader("set-cookie", `SID=${state.valid}; HttpOnly`);
      return sendJson(response, { csrf: "csrf-token-1", echo: JSON.parse(request.body) });
    }
    const isValid = request.headers.cookie === `SID=${state.valid}`;
    return sendJson(response, { csrf: request.headers["x-csrf"] ?? null, sid: state.valid }, isValid ? 200 : 401);
  });
  return { device, state };
};

test("one login serves all calls of a mode, and its values never reach the driver", async () => {
  const { device, state } = await startDevice();
  await using _device = device;
  await using bench = openBench(facts(device.port));
  const door = bench.door();
  const answers = await Promise.all([1, 2, 3].map(() => door.ask("http.request", { path: "/x" })));
  await bench.door().ask("http.request", { path: "/x" });
  expect(state.logins).toBe(1);
  expect(JSON.stringify(answers)).not.toContain("session-number-1");
  expect(answers[0]).toMatchObject({ status: 200, body: expect.stringContaining('"csrf":null') });
  await bench.door({ mode: "free" }).ask("http.request", { method: "POST", path: "/act" });
  expect(state.logins).toBe(2);
  expect(device.seen.at(-1)?.headers["x-csrf"]).toBe("csrf-token-1");
  expect(JSON.stringify(bench.journal)).not.toMatch(/session-number|csrf-token/);
});

test("a forgotten session is renewed for a read, and for a write only afterwards", async () => {
  const { device, state } = await startDevice();
  await using _device = device;
  await using bench = openBench(facts(device.port));
  const door = bench.door({ mode: "free" });
  await door.ask("http.request", { path: "/x" });
  state.valid = "";
  expect(await door.ask("http.request", { path: "/x" })).toMatchObject({ status: 200 });
  expect(state.logins).toBe(2);
  state.valid = "";
  expect(await door.ask("http.request", { method: "POST", path: "/act" })).toMatchObject({ status: 401 });
  expect(device.seen.filter(({ url }) => url === "/act")).toHaveLength(1);
});

test.each([
  [401, "auth_failed"],
  [403, "permission_denied_remote"],
] as const)("a login answered with %d is never repeated, until a secret changes", async (status, code) => {
  const { device, state } = await startDevice();
  await using _device = device;
  state.isRefusing = status;
  await using bench = openBench(facts(device.port, { defaults: { http: { retries: 3, backoff_ms_start: 1 } } }));
  for (let call = 0; call < 3; call += 1) {
    const door = bench.door();
    expect(await codeOf(door.ask("http.request", { path: "/x" }))).toBe(code);
    expect(door.lastFailure?.message).toMatch(/not repeated/);
  }
  expect(
    await codeOf(
      bench.transports
        .open(instanceOf(facts(device.port, { defaults: {} })))
        .door(grantOf(bench))
        .ask("http.request", {}),
    ),
  ).toBe(code);
  expect(state.logins).toBe(1);
  state.isRefusing = 0;
  const changed = bench.transports.open(instanceOf(facts(device.port, { key: "1/2" })));
  expect(await changed.door(grantOf(bench)).ask("http.request", {})).toMatchObject({ status: 200 });
});

test("a login that fails for another reason may be tried again", async () => {
  const { device, state } = await startDevice();
  await using _device = device;
  state.isRefusing = 500;
  await using bench = openBench(facts(device.port));
  expect(await codeOf(bench.door().ask("http.request", {}))).toBe("device_error");
  state.isRefusing = 0;
  expect(await bench.door().ask("http.request", {})).toMatchObject({ status: 200 });
});

test("a login without the promised value says so", async () => {
  await using device = await startHttp((_, response) => sendJson(response, {}));
  await using bench = openBench(facts(device.port));
  const call = bench.door().ask("http.request", {});
  await expect(call).rejects.toThrow(/without cookie SID/);
});

const grantOf = (bench: ReturnType<typeof openBench>) => ({
  mode: "read" as const,
  capability: bench.capability,
  steps: [],
  journal: { earlier: [], sent: async () => undefined, answered: async () => undefined },
  fence: () => undefined,
  record: () => undefined,
  signal: new AbortController().signal,
  graceMs: 10,
  debug: false,
});
