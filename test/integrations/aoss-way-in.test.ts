/** The ports by which ssh sessions come into an ArubaOS-Switch are found, however they come. */
import { describe, expect, it } from "vitest";
import type { DryRunResult } from "../../src/model/plan.ts";
import { netInterface, openAoss, planned } from "../kit/aoss.ts";

const failed = ({ preconditions }: DryRunResult): string[] =>
  preconditions.filter(({ ok }) => !ok).map(({ check }) => check);

describe("protected ports", () => {
  const gateway = (port: string | null) => ({ ip: "10.20.0.1", mac: "3863bb-0a0b00", port });

  it("are those of the gateway for a session from another network", async () => {
    await using bench = await openAoss();
    Object.assign(bench.lab.state.network, { sessions: ["192.0.2.77"], places: [gateway("11")] });
    const plan = await planned(bench.connect(), netInterface("10-12", "down"));
    expect(failed(plan)).toEqual(["not_protected"]);
    expect(plan.reason).toMatch(/not_protected: 11: the ssh session of 192\.0\.2\.77 comes in by it/);
  });

  it("are all members of the trunk by which a session comes in", async () => {
    await using bench = await openAoss();
    const places = [{ ip: "10.20.0.5", mac: "b05cda-112233", port: "Trk1" }];
    Object.assign(bench.lab.state.network, { sessions: ["10.20.0.5"], places });
    const direct = bench.connect();
    for (const port of ["27", "28"])
      expect((await planned(direct, netInterface(port, "down"))).reason).toMatch(
        new RegExp(`${port}: .*the ssh session of 10\\.20\\.0\\.5 comes in by it`),
      );
    expect(failed(await planned(direct, netInterface("26", "down")))).toEqual([]);
  });

  it("are not all known when one session of several cannot be placed: then no port is shut", async () => {
    await using bench = await openAoss();
    const sessions = ["10.20.0.1", "192.0.2.77"];
    Object.assign(bench.lab.state.network, { sessions, places: [gateway(null)] });
    const plan = await planned(bench.connect(), netInterface("5", "down"));
    expect(failed(plan)).toEqual(["way_in_known"]);
    expect(plan.reason).toMatch(/no port is known behind which 10\.20\.0\.1, 192\.0\.2\.77 is/);
  });
});
