/** A fresh simulated ArubaOS-Switch with drivers connected to it, and words for what its tests do with them. */
import { ArubaOSSwitchDriver } from "../../integrations/com.aruba.aoss/driver.ts";
import { type Aoss, type AossOptions, labSecrets, startAoss } from "../../lab/aoss.ts";
import { asActionResult, asDryRunResult } from "../../src/model/dry-run.ts";
import type { Json, JsonObject } from "../../src/model/json.ts";
import type { DryRunResult } from "../../src/model/plan.ts";
import { createDirectDriver, type DirectDriver } from "./direct-driver.ts";

export type AossDriver = DirectDriver<ArubaOSSwitchDriver>;

/** What is asked of the driver; the method's name follows from the capability. */
export interface AossCall {
  readonly capability: string;
  readonly verb: string;
  readonly target: { readonly type: string; readonly id: string };
  readonly params?: JsonObject;
}

const call =
  (capability: string, type: string, param: string) =>
  (id: string, value: string, more: JsonObject = {}): AossCall => ({
    ...{ capability, verb: "set", target: { type, id } },
    params: { [param]: value, ...more },
  });
export const poePort = call("poe.port", "poe_port", "state");
export const poePriority = call("poe.priority", "poe_port", "level");
export const netInterface = call("net.interface", "interface", "admin");
export const onSwitch = (capability: string, verb: string, params: JsonObject = {}): AossCall => ({
  ...{ capability, verb, params },
  target: { type: "switch", id: "switch" },
});

type Method = (call: unknown) => Promise<Json>;

const methodOf = ({ driver }: AossDriver, capability: string): Method => {
  const name = capability.replaceAll(".", "_");
  const found = (driver as unknown as Record<string, Method>)[name];
  if (found === undefined) throw new Error(`Expected a method ${name}.`);
  return found.bind(driver);
};

/** A dry run, in the shape that the runner checks. */
export const planned = async (direct: AossDriver, facts: AossCall): Promise<DryRunResult> =>
  asDryRunResult(await methodOf(direct, facts.capability)(direct.planning(facts)));

/** Applies a plan, and expects that all its steps were sent. */
export const applyPlan = async (direct: AossDriver, facts: AossCall, plan: DryRunResult) => {
  const result = await methodOf(direct, facts.capability)(direct.applying(facts, plan));
  const { refusal, stepsLeft } = direct.door();
  if (refusal !== null || stepsLeft > 0) throw new Error(`${stepsLeft} steps are left: ${refusal?.message}`);
  return asActionResult(result);
};

export const applied = async (direct: AossDriver, facts: AossCall) => {
  const plan = await planned(direct, facts);
  if (!plan.ok) throw new Error(`Expected a plan without failed preconditions, got ${plan.reason}.`);
  return applyPlan(direct, facts, plan);
};

/** A read capability's details. */
export const detailsOf = async (direct: AossDriver, capability: string): Promise<Record<string, Json>> => {
  const facts = onSwitch(capability, "read");
  const answer = await methodOf(direct, capability)({ ...direct.planning(facts), dryRun: false });
  return (asActionResult(answer).details ?? {}) as Record<string, Json>;
};

export const listing = (targetType: string) => ({
  ...{ targetType, activeOnly: false, options: {} },
  signal: new AbortController().signal,
});

/** What an instance of the switch is made of. */
export const instanceOf = (lab: Pick<Aoss, "host" | "sshPort" | "snmpPort">) => ({
  config: { hostname: lab.host, ssh_port: lab.sshPort, snmp_port: lab.snmpPort, username: labSecrets.manager.username },
  secrets: { password: labSecrets.manager.password, snmp_community: labSecrets.community },
});

export interface AossBench {
  readonly lab: Aoss;
  connect(changes?: { config?: JsonObject; secrets?: Record<string, string> }): AossDriver;
  port(name: string): Aoss["state"]["ports"][number];
  [Symbol.asyncDispose](): Promise<void>;
}

/** Starts a switch of its own for one test. */
export const openAoss = async (options: AossOptions = {}): Promise<AossBench> => {
  const lab = await startAoss({ bootMs: 300, ...options });
  const opened: AossDriver[] = [];
  const usual = instanceOf(lab);
  return {
    lab,
    connect: ({ config = {}, secrets = {} } = {}) => {
      const direct = createDirectDriver(ArubaOSSwitchDriver, {
        pack: "com.aruba.aoss",
        config: { ...usual.config, host_key_sha256: lab.fingerprint, ...config },
        secrets: { ...usual.secrets, ...secrets },
      });
      opened.push(direct);
      return direct;
    },
    port: (name) => {
      const found = lab.state.ports.find((port) => port.name === name);
      if (found === undefined) throw new Error(`Expected a port ${name} in the lab.`);
      return found;
    },
    [Symbol.asyncDispose]: async () => {
      await Promise.all(opened.map((direct) => direct.close()));
      await lab.close();
    },
  };
};
