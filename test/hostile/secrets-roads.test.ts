/** Planted secrets of ssh, SNMP, lines over tcp, TLS and drivers in Python: right and wrong ones, at devices good and bad. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type HttpDevice, startHttp } from "../kit/device.ts";
import { zip } from "../kit/pack.ts";
import { canRunPython } from "../kit/python.ts";
import { hasSnmpd } from "../kit/snmpd.ts";
import { hasSshd } from "../kit/sshd.ts";
import { until } from "../kit/system.ts";
import { canaries, canaryDevice } from "./canary-device.ts";
import { searchPlaces } from "./planted-places.ts";
import { type Planted, startPlanted } from "./planted-system.ts";
import { type Road, type Row, roads } from "./road-devices.ts";
import { pythonHows, pythonRoadId, pythonRoadPack, type RoadHow, roadId, roadPack } from "./road-pack.ts";

const usable: readonly (keyof typeof roads)[] = [
  ...(hasSshd ? (["sshd"] as const) : []),
  ...(hasSnmpd ? (["snmp"] as const) : []),
  ...(["ssh", "tcp", "https"] as const),
];
const hows: readonly RoadHow[] = ["says", "keeps", "throws", "throwsCode", "exits"];
const instances = "/api/integrations/instances";
const waited = { prefer: "wait=60" };

type Job = { id: string; state: string; code?: string; error?: { code: string } | null };

describe("secrets of every road", () => {
  let planted: Planted;
  let opened: readonly Road[] = [];
  let device: HttpDevice;
  let python = "";
  const rows = (): readonly Row[] => opened.flatMap((road) => road.rows);
  const asked = (type: string, name: string, { config, secrets }: Pick<Row, "config" | "secrets">) =>
    planted.ask<{ instance_id: string }>("POST", instances, { type_id: type, name, config, secrets });
  const look = (instance: string, how: string, headers: Record<string, string> = waited) =>
    planted.ask<Job>(
      "POST",
      `${instances}/${instance}/actions?debug=true`,
      { capability: "road.look", verb: "read", target: { type: "vm", id: "1" }, params: { how } },
      headers,
    );
  const codeOf = ({ code, error, state }: Job): string => code ?? error?.code ?? state;

  /** Reads that are no GET need an admin's word. */
  const install = async (files: Record<string, string>): Promise<void> => {
    const archive = await zip(files);
    const { body } = await planted.caller.uploadBytes(archive);
    if (body.code !== "consent_required") expect(body).toMatchObject({ state: "succeeded" });
    else {
      const query = `?consent=${(body as unknown as { digest: string }).digest}`;
      expect((await planted.caller.uploadBytes(archive, { query })).body).toMatchObject({ state: "succeeded" });
    }
  };
  /** All that can be done with a row; how its test ended. */
  const endOf = async (row: Row): Promise<readonly [string, string]> => {
    const { body, status } = await asked(roadId, row.about, row);
    if (status !== 201) return [row.about, JSON.stringify(body)];
    const path = `${instances}/${body.instance_id}`;
    const tested = await planted.ask<Job>("POST", `${path}/test?debug=true`, undefined, waited);
    await planted.ask("POST", `${path}/inventory/refresh?debug=true`, {}, waited);
    for (const how of row.code === "succeeded" ? hows : hows.slice(0, 1)) await look(body.instance_id, how);
    return [row.about, codeOf(tested.body)];
  };
  const addPython = async (): Promise<void> => {
    await install(pythonRoadPack());
    const config = { host: "127.0.0.1", port: device.port };
    const secrets = { token: canaries.long, password: canaries.encoded };
    python = (await asked(pythonRoadId, "python", { config, secrets })).body.instance_id;
  };

  beforeAll(async () => {
    opened = await Promise.all(usable.map((name) => roads[name]()));
    device = await startHttp(canaryDevice());
    planted = await startPlanted();
    await install(roadPack());
    if (canRunPython) await addPython();
  }, 120_000);
  afterAll(async () => {
    await planted?.dispose();
    await device?.close();
    for (const road of opened) await road.close();
  });

  it("go through a test, an inventory and every ending of a driver on it", { timeout: 180_000 }, async () => {
    const [first] = rows();
    const waiting = await asked(roadId, "waits", { ...first!, config: { ...first!.config, mood: "waits" } });
    await planted.ask("POST", `${instances}/${waiting.body.instance_id}/test`);
    const ended: (readonly [string, string])[] = [];
    // A road at a time: all at once would wait for each other, and some would call that silence.
    for (const road of opened) ended.push(...(await Promise.all(road.rows.map(endOf))));
    expect(ended).toEqual(rows().map(({ about, code }) => [about, code]));
  });

  it.skipIf(!canRunPython)("go through every ending of a driver in Python", { timeout: 180_000 }, async () => {
    const path = `${instances}/${python}`;
    const tested = await planted.ask<Job>("POST", `${path}/test?debug=true`, undefined, waited);
    expect(codeOf(tested.body)).toBe("succeeded");
    await planted.ask("POST", `${path}/inventory/refresh?debug=true`, {}, waited);
    const quick = pythonHows.filter((how) => how !== "waits");
    expect(quick.length).toBeGreaterThan(18);
    const codes = await Promise.all(quick.map(async (how) => codeOf((await look(python, how)).body)));
    const expected = [
      ...["succeeded", "driver_failed", "device_error", "sandbox_crashed", "sandbox_out_of_memory"],
      ...["response_invalid", "response_timeout", "response_too_large", "handle_misplaced"],
      ...["read_only_violation", "endpoint_not_allowed"],
    ];
    expect(expected.filter((code) => !codes.includes(code))).toEqual([]);
    const { body } = await look(python, "waits", {});
    const hasBegun = async (): Promise<true | undefined> => {
      const accept = { accept: "application/json" };
      const events = await planted.ask<{ items: { phase: string }[] }>(
        "GET",
        `/api/jobs/${body.id}/events`,
        undefined,
        accept,
      );
      return events.body.items.some(({ phase }) => phase === "driver") || undefined;
    };
    await until(hasBegun, "it to begin");
    await planted.ask("POST", `/api/jobs/${body.id}/cancel`);
    expect(codeOf((await planted.caller.settled(body.id)) as Job)).toBe("job_cancelled");
  });

  searchPlaces({
    planted: () => planted,
    canaries: () => {
      const all = rows().flatMap(({ about, secrets }) =>
        Object.entries(secrets).flatMap(([name, value]) => [
          [`${about}, ${name}`, value],
          // A key in the middle of which something is cut away is one all the same.
          ...(name === "key" ? [[`${about}, a line of ${name}`, value.split("\n")[1] ?? value]] : []),
        ]),
      );
      return { ...canaries, ...(Object.fromEntries(all) as Record<string, string>) };
    },
    use: async () => {
      if (python !== "") await look(python, "says");
    },
    expectSeen: ({ endings }) => {
      const expected = rows().map(({ code }) => code);
      expect([...expected, "timed_out"].filter((code) => !endings.has(code))).toEqual([]);
      expect(planted.files.map(([name]) => name.split("/").at(-1))).toContain("said.txt");
    },
    kept: roadId,
    packed: [/:release_contents\.content:decompressed$/],
  });
});
