/** Drives ArubaOS-Switch: reads over SNMP and the command line, changes over the command line alone. */
import { setTimeout as sleep } from "node:timers/promises";
import {
  type ActionCall,
  type ConnectionTestResult,
  Driver,
  DriverError,
  type DryRunResult,
  type InventoryCall,
  type Json,
  type JsonObject,
  type SshStepAnswer,
  type Target,
  type TargetEffect,
} from "switchyard/sdk";
import { isContactFailure, modelOf, readSnmpSelf, readStack } from "./facts.ts";
import { requireAoss } from "./model.ts";
import { parseSystem } from "./parse/system.ts";
import { planBackup, planSave, readConfig, readSaved, requireSaved } from "./plan/config.ts";
import { diffLines } from "./plan/diff.ts";
import { planPorts, readBack } from "./plan/port-change.ts";
import { adminState, type PortSetting, poePower, poePriority } from "./plan/port-states.ts";
import { planReboot, requireTaken, untilBack } from "./plan/reboot.ts";
import { createShow, type Show } from "./show.ts";
import { healthOf, memberFacts, readNeighbours, readPoe, readSupplies, readVlans } from "./status.ts";
import { memberTarget, type PortTargets, portsByCli, portsBySnmp, systemTarget } from "./targets.ts";
import { withWatts } from "./watts.ts";

interface AossConfig {
  readonly hostname: string;
  readonly timeout_s?: number;
  readonly poe_watts?: boolean;
  readonly protected_ports?: string;
}

interface Done {
  readonly ok: true;
  readonly effects: { readonly per_target: readonly TargetEffect[] };
  readonly details: JsonObject;
}
interface Read {
  readonly ok: true;
  readonly details: JsonObject;
}

const rebootMs = 600_000;
const rebootPauseMs = 3_000;
/** The ports are there already: a command line that is slow must not hold them up for long. */
const wattsMs = 10_000;
const configName = "running-config.txt";
const diffName = "changes.diff";

const effectsOf = ({ plan }: ActionCall): readonly TargetEffect[] =>
  (plan?.["effects"] as DryRunResult["effects"] | undefined)?.per_target ?? [];

const read = (details: JsonObject): Read => ({ ok: true, details });

export class ArubaOSSwitchDriver extends Driver<AossConfig> {
  static handles = {
    "switch.inventory": { verbs: ["read"], targets: ["switch"] },
    "switch.health": { verbs: ["read"], targets: ["switch"] },
    "poe.status": { verbs: ["read"], targets: ["switch"] },
    "poe.port": { verbs: ["set"], targets: ["poe_port"] },
    "poe.priority": { verbs: ["set"], targets: ["poe_port"] },
    "net.interface": { verbs: ["set"], targets: ["interface"] },
    "switch.config": { verbs: ["save", "backup"], targets: ["switch"] },
    "switch.reboot": { verbs: ["exec"], targets: ["switch"] },
    "inventory.list": { verbs: ["list"], targets: ["port", "stack_member", "system"] },
  };

  async test_connection(): Promise<ConnectionTestResult> {
    const snmp = await readSnmpSelf(this.transports.snmp);
    if (snmp.self !== null) requireAoss(snmp.self.description);
    const show = this.show();
    const startedAt = performance.now();
    const system = parseSystem(await show("show system"));
    const latency = Math.round(performance.now() - startedAt);
    const model = await modelOf(snmp, show);
    const text = `${model.product} ${model.name}, ${system.softwareVersion}`;
    return {
      status: snmp.problem === null ? "connected" : "degraded",
      latency_ms: latency,
      message: snmp.problem === null ? text : `${text}; SNMP: ${snmp.problem}`,
      details: {
        product: model.product,
        model: model.name,
        firmware: system.softwareVersion,
        name: system.name,
        snmp: snmp.problem === null,
      },
    };
  }

  async inventory_list({ targetType }: InventoryCall): Promise<readonly Target[]> {
    const snmp = await readSnmpSelf(this.transports.snmp);
    if (snmp.self !== null) requireAoss(snmp.self.description);
    const show = this.show();
    if (targetType === "port") {
      if (snmp.problem !== null) this.log.warn(`The ports are read over ssh: ${snmp.problem}`);
      const { targets, notes } = await (snmp.self === null ? portsByCli(show) : this.joinedPorts());
      for (const note of notes) this.log.warn(note);
      return targets;
    }
    const stack = await readStack(show);
    if (targetType === "stack_member") return (stack?.members ?? []).map(memberTarget);
    return [
      systemTarget(await modelOf(snmp, show), parseSystem(await show("show system")), stack?.members.length ?? 1),
    ];
  }

  async switch_inventory({ target }: ActionCall): Promise<Read> {
    this.requireSwitch(target.id);
    const show = this.show();
    const model = await modelOf(await readSnmpSelf(this.transports.snmp), show);
    const system = parseSystem(await show("show system"));
    const stack = await readStack(show);
    return read({
      name: system.name,
      ...{ product: model.product, model: model.name, firmware: system.softwareVersion, location: system.location },
      stack: stack?.kind ?? "none",
      members:
        stack === null
          ? system.members.map(memberFacts)
          : stack.members.map(({ links, ...member }) => ({ ...member, links: [...links] })),
      vlans: await readVlans(show),
      neighbours: await readNeighbours(show),
    });
  }

  async switch_health({ target }: ActionCall): Promise<Read> {
    this.requireSwitch(target.id);
    const snmp = await readSnmpSelf(this.transports.snmp);
    const power = await readSupplies(this.transports.snmp, snmp);
    const show = this.show();
    return read(await healthOf(show, { system: parseSystem(await show("show system")), snmp, power }));
  }

  async poe_status({ target }: ActionCall): Promise<Read> {
    this.requireSwitch(target.id);
    const poe = await readPoe(this.show());
    if (poe !== null) return read(poe);
    throw new DriverError(
      "device_error",
      "This switch has no power over its ports: it does not know `show power-over-ethernet`.",
    );
  }

  poe_port(call: ActionCall): Promise<DryRunResult | Done> {
    return this.changePorts(call, poePower);
  }

  poe_priority(call: ActionCall): Promise<DryRunResult | Done> {
    return this.changePorts(call, poePriority);
  }

  net_interface(call: ActionCall): Promise<DryRunResult | Done> {
    return this.changePorts(call, adminState);
  }

  async switch_config(call: ActionCall): Promise<DryRunResult | Done> {
    const { verb, target, dryRun } = call;
    this.requireSwitch(target.id);
    const show = this.show();
    if (verb === "backup") return dryRun ? planBackup(target.id) : this.backup(call, show);
    if (dryRun) return planSave(target.id, await readSaved(show));
    await this.apply<SshStepAnswer>();
    const saved = await requireSaved(show);
    const per_target = effectsOf(call).map((effect) => ({ ...effect, to: "saved" }));
    return { ok: true, effects: { per_target }, details: { saved } };
  }

  async switch_reboot(call: ActionCall): Promise<DryRunResult | Done> {
    const { target, params, dryRun, signal } = call;
    this.requireSwitch(target.id);
    const upTime = async (): Promise<number | null> => (await readSnmpSelf(this.transports.snmp)).self?.upTimeS ?? null;
    if (dryRun) {
      const saved = await readSaved(this.show());
      return planReboot({ id: target.id, saved, discardsUnsaved: params["discard_unsaved"] === true });
    }
    const before = await upTime();
    const startedAt = performance.now();
    const [answer] = await this.apply<SshStepAnswer>();
    requireTaken(answer);
    this.progress(50, "The switch was told to reboot");
    const look = before === null ? () => this.answers() : upTime;
    const pause = async (): Promise<void> => void (await sleep(rebootPauseMs, undefined, { signal }));
    await untilBack({ look, before, pause, now: () => performance.now(), forMs: rebootMs });
    const seconds = Math.round((performance.now() - startedAt) / 1_000);
    this.progress(100, `The switch is back after ${seconds} s`);
    return { ok: true, effects: { per_target: effectsOf(call) }, details: { is_back: true } };
  }

  private show(): Show {
    return createShow(this.transports.ssh, this.timeoutMs());
  }

  /** The ports by SNMP, with what only the command line knows of them. */
  private async joinedPorts(): Promise<PortTargets> {
    const ports = await portsBySnmp(this.transports.snmp);
    if (this.config.poe_watts !== true) return ports;
    return withWatts(ports, createShow(this.transports.ssh, Math.min(this.timeoutMs(), wattsMs)));
  }

  private timeoutMs(): number {
    return (this.config.timeout_s ?? 30) * 1_000;
  }

  /** An instance is one switch: its target is called `switch`, or by the name of its host. */
  private requireSwitch(id: string): void {
    if (id === "switch" || id === this.config.hostname) return;
    throw new DriverError(
      "target_not_found",
      `There is no switch "${id}" here: expected "switch" or "${this.config.hostname}".`,
    );
  }

  /** Zero while the command line answers, null while it does not. */
  private async answers(): Promise<number | null> {
    try {
      parseSystem(await this.show()("show system"));
      return 0;
    } catch (thrown) {
      if (isContactFailure(thrown)) return null;
      throw thrown;
    }
  }

  private async changePorts(call: ActionCall, setting: PortSetting): Promise<DryRunResult | Done> {
    const { target, params, dryRun, signal } = call;
    const show = this.show();
    if (dryRun) {
      return planPorts(show, setting, {
        ports: target.id,
        value: String(params[setting.param]),
        overridesProtection: params["override_protection"] === true,
        protectedPorts: this.config.protected_ports,
      });
    }
    const steps = call.plan?.steps.length ?? 0;
    for (let step = 1; step <= steps; step += 1) {
      // Nothing is sent behind a cancel: a cycle that is cancelled here leaves the power off, and its job says so.
      if (step > 1) await sleep(Number(params["off_s"] ?? 5) * 1_000, undefined, { signal });
      await this.apply<SshStepAnswer>(1);
      this.progress(Math.round((step / (steps + 1)) * 100), `Step ${step} of ${steps} is done`);
    }
    const per_target = await readBack(show, setting, effectsOf(call));
    return { ok: true, effects: { per_target }, details: { ports: per_target.length } };
  }

  private async backup(call: ActionCall, show: Show): Promise<Done> {
    const config = await readConfig(show);
    const last = await this.lastArtifact(configName);
    this.artifact(configName, config, "text/plain");
    const details: Record<string, Json> = {
      lines: config.split("\n").length - 1,
      bytes: Buffer.byteLength(config),
      first: last === null,
    };
    if (last !== null) {
      const { added, removed, text } = diffLines(Buffer.from(last).toString(), config);
      this.artifact(diffName, text, "text/x-diff");
      Object.assign(details, { added, removed, changed: added + removed > 0 });
    }
    return { ok: true, effects: { per_target: effectsOf(call) }, details };
  }
}
