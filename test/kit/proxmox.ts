/** A fresh simulated cluster with drivers connected to it, and words for what the Proxmox VE tests do with them. */
import { ProxmoxVeDriver } from "../../integrations/walnut.proxmox.ve/driver.ts";
import { type Proxmox, startProxmox } from "../../lab/proxmox.ts";
import { asActionResult, asDryRunResult } from "../../src/model/dry-run.ts";
import type { Json, JsonObject } from "../../src/model/json.ts";
import type { DryRunResult } from "../../src/model/plan.ts";
import { createDirectDriver, type DirectDriver } from "./direct-driver.ts";

export type Connected = DirectDriver<ProxmoxVeDriver>;

const lifecycle = "vm.lifecycle";
export const vm = (id: number, verb: string, params = {}) => ({
  capability: lifecycle,
  verb,
  target: { type: "vm", id: String(id) },
  params,
});
export const container = (id: number, verb: string, params = {}) => ({
  capability: lifecycle,
  verb,
  target: { type: "container", id: String(id) },
  params,
});
export const host = (id: string, verb: string) => ({
  capability: "power.control",
  verb,
  target: { type: "host", id },
});
export type GuestCall = ReturnType<typeof vm>;

/** What an inventory call is given beside its target type. */
export const listing = (targetType: string) => ({
  targetType,
  activeOnly: false,
  options: {},
  signal: new AbortController().signal,
});

/** A dry run, in the shape that the runner checks. */
export const planned = async ({ driver, planning }: Connected, facts: GuestCall): Promise<DryRunResult> =>
  asDryRunResult((await driver.vm_lifecycle(planning(facts))) as unknown as Json);

/** Applies, and expects that all steps were sent and nothing was refused on the way. */
export const applyPlan = async (direct: Connected, facts: GuestCall, plan: DryRunResult) => {
  const result = await direct.driver.vm_lifecycle(direct.applying(facts, plan));
  const { refusal, stepsLeft } = direct.door();
  if (refusal !== null || stepsLeft > 0) throw new Error(`${stepsLeft} steps are left: ${refusal?.message}`);
  return asActionResult(result as unknown as Json);
};

/** Plans and applies. */
export const applied = async (direct: Connected, facts: GuestCall) => {
  const plan = await planned(direct, facts);
  if (!plan.ok) throw new Error(`Expected a plan without failed preconditions, got ${plan.reason}.`);
  return applyPlan(direct, facts, plan);
};

export const plannedHost = async ({ driver, planning }: Connected, facts: ReturnType<typeof host>) =>
  asDryRunResult((await driver.power_control(planning(facts))) as unknown as Json);

/** Names of the preconditions that do not hold. */
export const failed = ({ preconditions }: DryRunResult): string[] =>
  preconditions.filter(({ ok }) => !ok).map(({ check }) => check);

/** Lines that the driver logged. */
export const lines = ({ events }: Connected): string[] =>
  events.flatMap((event) => (event.kind === "log" ? [event.message] : []));

export interface Bench {
  readonly lab: Proxmox;
  /** `config` is added to that of the lab; `http` replaces the manifest's timeouts. */
  connect(
    token?: keyof Proxmox["tokens"],
    changes?: { config?: JsonObject; secret?: string; http?: { timeout_s: number; retries: number } },
  ): Connected;
  guest(id: number): NonNullable<ReturnType<Proxmox["state"]["guests"]["get"]>>;
  close(): Promise<void>;
}

/** Starts a cluster of its own for one test. */
export const startBench = async (options: Parameters<typeof startProxmox>[0] = { taskMs: 40 }): Promise<Bench> => {
  const lab = await startProxmox(options);
  const opened: Connected[] = [];
  return {
    lab,
    connect: (token = "admin", { config = {}, secret, http } = {}) => {
      const { token_name, api_token } = lab.tokens[token];
      const place = { host: lab.host, port: lab.port, token_name, tls_fingerprint: lab.fingerprint };
      const direct = createDirectDriver(ProxmoxVeDriver, {
        pack: "walnut.proxmox.ve",
        config: { ...place, ...config },
        secrets: { api_token: secret ?? api_token },
        ...(http === undefined ? {} : { http }),
      });
      opened.push(direct);
      return direct;
    },
    guest: (id) => {
      const found = lab.state.guests.get(id);
      if (found === undefined) throw new Error(`Expected guest ${id} in the lab.`);
      return found;
    },
    close: async () => {
      await Promise.all(opened.map((direct) => direct.close()));
      await lab.close();
    },
  };
};
