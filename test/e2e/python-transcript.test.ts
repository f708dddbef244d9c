/** The transcript that docs/python.md prints: every command of it, in its order, says what stands below it. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { makeCertificate } from "../kit/certificate.ts";
import { type HttpDevice, ownAddress, sendJson, startHttp } from "../kit/device.ts";
import { blockOf, transcriptOf } from "../kit/page.ts";
import { canRunPython } from "../kit/python.ts";
import { openShell, type Shell } from "../kit/shell.ts";
import { type System, startSystem } from "../kit/system.ts";

const token = "a-token-of-the-lamps-7d1f";
const address = ownAddress(8);

const startLamp = (): Promise<HttpDevice> => {
  let state = "off";
  return startHttp(
    ({ method, url, headers }, response) => {
      if (headers.authorization !== `Bearer ${token}`) return sendJson(response, { error: "who?" }, 401);
      if (url === "/api/version") return sendJson(response, { version: "1.0" });
      const [, wanted] = /^\/api\/lamps\/1\/(on|off)$/.exec(url) ?? [];
      if (method === "POST" && wanted !== undefined) state = wanted;
      sendJson(response, [{ id: "1", name: "Desk", state }]);
    },
    { certificate: makeCertificate(`IP:${address}`), address, port: 8443 },
  );
};

/** What is another one each time. */
const steady = (text: string): string =>
  text
    .replaceAll(/\b(job|ins|pln)_\w{26}\b/g, "$1_*")
    .replaceAll(/\b\d+(?:\.\d+)? m?s\b/g, "* s")
    .replaceAll(/\([0-9a-f]{16}\)/g, "(*)")
    .split("\n")
    .map((line) => line.trimEnd())
    .join("\n")
    .trim();

describe.skipIf(!canRunPython)("the transcript of a driver in Python that knows nothing of this runner", () => {
  let device: HttpDevice;
  let system: System;
  let shell: Shell;
  beforeAll(async () => {
    [device, system] = await Promise.all([startLamp(), startSystem()]);
    shell = openShell({ SWITCHYARD_DATA: system.dataDir });
    shell.write(".", { token, "lamp_driver.py": blockOf("python", "python", "class AcmeLampDriver") });
  }, 90_000);
  afterAll(async () => {
    shell?.dispose();
    await system?.dispose();
    await device?.close();
  });

  it("is what is really printed", async () => {
    let lastJob = "";
    const seen: string[] = [];
    const transcript = transcriptOf(blockOf("python", "console"));
    for (const { command } of transcript) {
      const now = command.replaceAll("10.0.0.7", address).replace(/\bjob_\w{26}\b/, lastJob);
      const { out } = await shell.run(`{ ${now}\n} 2>&1`);
      lastJob = /\bjob_\w{26}\b/.exec(out)?.[0] ?? lastJob;
      seen.push(`$ ${command}\n${steady(out)}`);
    }
    expect(seen.join("\n")).toBe(transcript.map(({ command, output }) => `$ ${command}\n${steady(output)}`).join("\n"));
    const writes = device.seen.filter(({ method }) => method === "POST").map(({ url }) => url);
    expect(writes.slice(-2)).toEqual(["/api/lamps/1/on", "/api/lamps/1/off"]);
  }, 120_000);
});
