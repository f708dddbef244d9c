/** Who reads an inventory learns what to write as a target, also where actions name it by another word. */
import { afterAll, describe, expect, it } from "vitest";
import { type Aoss, startAoss } from "../../lab/aoss.ts";
import { instanceOf } from "../kit/aoss.ts";
import { callerOf } from "../kit/caller.ts";
import type { CliBench } from "../kit/cli.ts";
import { until } from "../kit/system.ts";
import { useCli } from "../kit/use-cli.ts";

describe("the targets of a switch", () => {
  let lab: Aoss;
  const { cli } = useCli(async ({ system }: CliBench) => {
    lab = await startAoss();
    const { config, secrets } = instanceOf(lab);
    await until(async () => {
      const { body } = await system.call("GET", "/api/integrations/types/com.aruba.aoss");
      return body["status"] === "valid" ? true : undefined;
    }, "the type");
    await callerOf(system).addInstance("com.aruba.aoss", "sw", config, secrets);
    const refreshed = await system.call(
      "POST",
      `/api/integrations/instances/${(await system.call<{ instance_id: string; name: string }[]>("GET", "/api/integrations/instances")).body.find(({ name }) => name === "sw")?.instance_id}/inventory/refresh`,
      {},
      { prefer: "wait=50" },
    );
    expect(refreshed.status).toBe(200);
  });
  afterAll(() => lab?.close());

  it("stand behind a list of its ports, and of itself", async () => {
    const ports = await cli("inventory", "sw", "--type", "port");
    expect(ports).toMatchObject({
      code: 0,
      err: expect.stringMatching(/poe_port\/<ID>, interface\/<ID>.*plan sw --help/),
    });
    expect((await cli("inventory", "sw", "--type", "system")).err).toMatch(/switch\/<ID>/);
    expect((await cli("inventory", "sw", "--type", "port", "--json")).err).toBe("");
  });

  it("stand in the help of an action with the ids that there are", async () => {
    const { out } = await cli("plan", "sw", "poe.port", "--help");
    expect(out).toMatch(/poe_port +\(those of port\)/);
    expect(out).toMatch(/interface +\(those of port\)/);
    expect(out).toMatch(/port +1, 2, 3, 4, 5 \.\.\./);
    expect(out).toMatch(/system +switch/);
  });

  it("are named when another was asked for", async () => {
    const near = await cli("plan", "sw", "poe.port", "set", "poe_port/99", "--param", "state=off");
    expect([near.code, near.err]).toEqual([
      4,
      expect.stringMatching(/target_not_found[\s\S]*Did you mean poe_port\/9 /),
    ]);
    const far = await cli("run", "sw", "switch.health", "read", "switch/entirely-different", "--wait");
    expect([far.code, far.err]).toEqual([
      4,
      expect.stringMatching(/expected "switch" or [\s\S]*inventory sw --type system --all/),
    ]);
  });
});
