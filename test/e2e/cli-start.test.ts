/** What a start tells the person who will type the commands: which token, what to try, which option was wrong. */
import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { createBelongings, type Started, untilListening } from "../kit/process.ts";
import { until } from "../kit/system.ts";

const own = createBelongings();
afterEach(() => own.giveBack(), 40_000);

const settingExitCode = 78;

const greeted = (started: Started): Promise<string> =>
  until(
    () => (/admin token .*\n/.test(started.output()) ? started.output() : undefined),
    "the line about the admin token",
  );

const ask = async (url: string, method: string, path: string, token: string) => {
  const response = await fetch(`${url}${path}`, { method, headers: { authorization: `Bearer ${token}` } });
  const text = await response.text();
  return { status: response.status, body: text === "" ? null : JSON.parse(text) };
};

describe("an option of the start", () => {
  it.each([
    [["--lba"], {}, "did you mean --lab?"],
    [["--laboratory", "--lab"], {}, "found --laboratory"],
    [["--lab"], { SWITCHYARD_ROLE: "api", REDIS_URL: "redis://127.0.0.1:1" }, "SWITCHYARD_ROLE"],
  ])("that cannot be taken is refused in one line: %j", async (args, env, words) => {
    const started = own.start({ SWITCHYARD_DATA: own.folder(), ...env }, undefined, args);
    expect(await started.ended()).toBe(settingExitCode);
    expect(started.output().trim().split("\n")).toEqual([expect.stringContaining(words)]);
  });
});

describe("the admin token that a start names", () => {
  it("is not named as if it worked once it was revoked, and the way to a new one that is told leads there", async () => {
    const dataDir = own.folder();
    const file = join(dataDir, "admin.token");
    const first = own.start({ SWITCHYARD_DATA: dataDir });
    const url = await untilListening(first, dataDir);
    expect(await greeted(first)).toContain(`The admin token is in ${file}`);
    const token = readFileSync(file, "utf8").trim();
    const { body: me } = await ask(url, "GET", "/api/whoami", token);
    expect((await ask(url, "DELETE", `/api/tokens/${me.id}`, token)).status).toBe(409);
    expect((await ask(url, "DELETE", `/api/tokens/${me.id}?force=true`, token)).status).toBe(204);
    await first.stop();

    const second = own.start({ SWITCHYARD_DATA: dataDir });
    const said = await greeted(second);
    expect(said).toMatch(/was revoked .* remove that file and start again/);
    expect(said).not.toContain("The admin token is in");
    await second.stop();

    rmSync(file);
    const third = own.start({ SWITCHYARD_DATA: dataDir });
    const again = await untilListening(third, dataDir);
    expect((await ask(again, "GET", "/api/whoami", readFileSync(file, "utf8").trim())).body).toMatchObject({
      role: "admin",
    });
    expect((await ask(again, "GET", "/api/whoami", token)).status).toBe(401);
  }, 60_000);
});

describe("a start with the lab", () => {
  it("has an instance of each simulated device, connected, and ends with what to try next", async () => {
    const dataDir = own.folder();
    const started = own.start({ SWITCHYARD_DATA: dataDir }, undefined, ["--lab"]);
    const url = await untilListening(started, dataDir);
    await until(() => (started.output().includes("/api/docs") ? true : undefined), "the last line", 60_000);
    expect(started.output()).toContain(`SWITCHYARD_DATA=${dataDir} npx switchyard plan lab-proxmox vm.lifecycle`);
    const token = readFileSync(join(dataDir, "admin.token"), "utf8").trim();
    const { body } = await ask(url, "GET", "/api/integrations/instances", token);
    const found = (body as { name: string; type_id: string; state: string }[])
      .map(({ name, type_id, state }) => [name, type_id, state])
      .sort();
    expect(found).toEqual([
      ["lab-proxmox", "walnut.proxmox.ve", "connected"],
      ["lab-stack", "com.aruba.aoss", "connected"],
      ["lab-switch", "com.aruba.aoss", "connected"],
    ]);
    const told = ["test lab-proxmox", "undo <job>", "doctor", "run lab-switch poe.status", "plan lab-stack poe.port"];
    for (const command of told) expect(started.output()).toContain(`npx switchyard ${command}`);
    expect(started.output().trimEnd().split("\n").at(-1)).toBe(`Every route is described at ${url}/api/docs`);
  }, 90_000);
});
