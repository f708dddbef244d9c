/** Memory of a whole running system (PSS), and of one warm sandbox with the shipped Proxmox VE driver. */
import { startProxmox } from "../../lab/proxmox.ts";
import { descendants, type System, startSystem } from "../../test/kit/system.ts";
import { atMost, type Measure, type Row, told } from "../kit/row.ts";
import { quantile } from "../kit/statistics.ts";
import { measureTree, pssOf, toldParts } from "../kit/tree.ts";
import { until } from "../kit/until.ts";

const untilInstalled = (system: System): Promise<void> =>
  until(async () => {
    const { body } = await system.call<{ status: string }[]>("GET", "/api/integrations/types");
    return body.length >= 2 && body.every(({ status }) => status === "valid");
  }, "the shipped packs to be installed");

const untilNoSandbox = (system: System): Promise<void> =>
  until(() => system.pids("switchyard-sandbox").length === 0, "the sandboxes to end", { everyMs: 250 });

/** A sandbox, the process it is made of and what stands around it. */
const sandboxMb = (system: System): number[] =>
  descendants(system.pid)
    .filter(({ title }) => title.startsWith("switchyard-sandbox"))
    .map(({ pid }) => pssOf(pid));

const warmSandbox = async (system: System): Promise<Row> => {
  const lab = await startProxmox({ vms: 40 });
  try {
    const { token_name, api_token } = lab.tokens.admin;
    const { body } = await system.call<{ instance_id: string }>("POST", "/api/integrations/instances", {
      type_id: "walnut.proxmox.ve",
      name: "pve",
      config: { host: lab.host, port: lab.port, token_name, tls_fingerprint: lab.fingerprint },
      secrets: { api_token },
    });
    const path = `/api/integrations/instances/${body.instance_id}/inventory`;
    await Promise.all(
      ["vm", "host", "container"].map((type) =>
        system.call("GET", `${path}?type=${type}&active_only=false&refresh=true`, undefined, { prefer: "wait=30" }),
      ),
    );
    await new Promise((resolve) => setTimeout(resolve, 5_000));
    const sizes = sandboxMb(system);
    if (sizes.length === 0) throw new Error("expected a warm sandbox, found none");
    const note = sizes.map((mb) => mb.toFixed(1)).join(" / ");
    return atMost({ name: "warm sandbox with the Proxmox VE driver, PSS", unit: "MB", note }, quantile(sizes, 1), 15);
  } finally {
    await lab.close();
  }
};

export const memoryRow: Measure = {
  name: "memory",
  run: async ({ size }): Promise<Row[]> => {
    const system = await startSystem();
    try {
      await untilInstalled(system);
      await untilNoSandbox(system);
      await new Promise((resolve) => setTimeout(resolve, size(20_000, 1_000)));
      const first = measureTree(system);
      await system.stop();
      await system.restart();
      await new Promise((resolve) => setTimeout(resolve, size(20_000, 2_000)));
      await untilNoSandbox(system);
      const later = measureTree(system);
      const note = "without npm and the script that starts the pinned Node";
      return [
        atMost(
          { name: "idle, PSS of all processes", unit: "MB", note: `${toldParts(later)}; ${note}` },
          later.total,
          280,
        ),
        told(
          { name: "the same after a first start that installed packs", unit: "MB", note: toldParts(first) },
          first.total,
        ),
        await warmSandbox(system),
      ];
    } finally {
      await system.dispose();
    }
  },
};
