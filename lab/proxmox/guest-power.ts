/** What the power verbs of VMs and containers do, refuse and need. */
import { ApiError, invalidParameters } from "./api-error.ts";
import type { Cluster, Guest, GuestKind } from "./cluster.ts";
import { forkTask, isActive, type TaskRun } from "./task.ts";

export type Params = Readonly<Record<string, string>>;

interface Work extends TaskRun {
  readonly cluster: Cluster;
  readonly guest: Guest;
  readonly params: Params;
}
interface PowerVerb {
  /** Part of the task's type behind `qm` or `vz`. */
  readonly task: string;
  readonly params: readonly string[];
  /** What is refused before a task starts. */
  readonly refuse?: (guest: Guest, params: Params) => string | null;
  readonly work: (work: Work) => Promise<void>;
  /** What the verb asks of the high-availability manager instead. */
  readonly ha?: { readonly task: "hastart" | "hastop"; readonly state: string };
}

const flag = (params: Params, name: string): boolean => params[name] === "1" || params[name] === "true";
const word = ({ kind }: Guest): string => (kind === "qemu" ? "VM" : "CT");
const notRunning = (guest: Guest): string | null =>
  guest.state === "stopped" ? `${word(guest)} ${guest.vmid} not running` : null;

const checkLock = (guest: Guest, allowed: readonly string[] = []): void => {
  if (guest.lock !== null && !allowed.includes(guest.lock)) throw new Error(`${word(guest)} is locked (${guest.lock})`);
};
const become = (work: Work, state: Guest["state"]): void => {
  if (state === "running" && work.guest.state === "stopped") work.guest.startedAt = work.cluster.now();
  work.guest.state = state;
};

const start = async (work: Work): Promise<void> => {
  const { guest, cluster } = work;
  if (guest.template) throw new Error(`you can't start a ${guest.kind === "qemu" ? "vm" : "CT"} if it's a template`);
  checkLock(guest, ["suspended"]);
  if (guest.state !== "stopped") throw new Error(`${word(guest)} ${guest.vmid} already running`);
  await work.pause(cluster.taskMs);
  if (guest.quirk === "start_fails") {
    work.log(`kvm: -drive file=/dev/pve/vm-${guest.vmid}-disk-0: Could not open: No such file or directory`);
    throw new Error("start failed: QEMU exited with code 1");
  }
  if (guest.lock === "suspended") {
    work.log("Resuming suspended VM");
    guest.lock = null;
  }
  become(work, "running");
};

const stop = async (work: Work): Promise<void> => {
  checkLock(work.guest);
  await work.pause(work.cluster.taskMs);
  become(work, "stopped");
};

const shutdown = async (work: Work): Promise<void> => {
  const { guest, cluster, params } = work;
  checkLock(guest);
  if (guest.state === "stopped") return;
  work.log(guest.kind === "qemu" ? "sending ACPI power button event" : "requesting clean shutdown");
  if (guest.quirk === "shutdown_hangs") {
    await work.pause(Number(params["timeout"] ?? 180) * 1000);
    if (!flag(params, "forceStop")) throw new Error("VM quit/powerdown failed - got timeout");
    work.log("VM quit/powerdown failed - terminating now with SIGTERM");
  }
  await work.pause(cluster.taskMs);
  become(work, "stopped");
};

const pausedShutdown = (guest: Guest, params: Params): string | null =>
  guest.state === "paused" && !flag(params, "forceStop") ? "VM is paused - cannot shutdown" : null;

const switchTo =
  (state: Guest["state"], allowed: readonly string[] = []) =>
  async (work: Work): Promise<void> => {
    checkLock(work.guest, allowed);
    await work.pause(work.cluster.taskMs / 2);
    become(work, state);
  };
const reset = async (work: Work): Promise<void> => {
  checkLock(work.guest);
  await work.pause(work.cluster.taskMs / 2);
  work.guest.startedAt = work.cluster.now();
};
const reboot = async (work: Work): Promise<void> => {
  await shutdown(work);
  await start(work);
};
const pause = async (work: Work): Promise<void> => {
  if (!flag(work.params, "todisk")) return switchTo("paused", ["backup"])(work);
  await switchTo("stopped")(work);
  work.guest.lock = "suspended";
};
const resume = async (work: Work): Promise<void> =>
  work.guest.lock === "suspended" ? start(work) : switchTo("running", ["backup"])(work);

const started = { task: "hastart", state: "started" } as const;
const stopped = { task: "hastop", state: "stopped" } as const;
const running = (guest: Guest): string | null =>
  guest.state === "stopped" ? null : `CT ${guest.vmid} already running`;

const verbs: Record<GuestKind, Readonly<Record<string, PowerVerb>>> = {
  qemu: {
    start: { task: "start", params: ["timeout"], work: start, ha: started },
    stop: { task: "stop", params: ["timeout", "overrule-shutdown"], work: stop, ha: stopped },
    shutdown: {
      task: "shutdown",
      params: ["timeout", "forceStop"],
      refuse: pausedShutdown,
      work: shutdown,
      ha: stopped,
    },
    reboot: { task: "reboot", params: ["timeout"], refuse: notRunning, work: reboot },
    reset: { task: "reset", params: [], refuse: notRunning, work: reset },
    suspend: { task: "pause", params: ["todisk", "statestorage"], refuse: notRunning, work: pause },
    resume: {
      task: "resume",
      params: [],
      refuse: (guest) => (guest.lock === "suspended" ? null : notRunning(guest)),
      work: resume,
    },
  },
  lxc: {
    start: { task: "start", params: ["debug"], refuse: running, work: start, ha: started },
    stop: { task: "stop", params: ["overrule-shutdown"], refuse: notRunning, work: stop, ha: stopped },
    shutdown: { task: "shutdown", params: ["timeout", "forceStop"], refuse: notRunning, work: shutdown, ha: stopped },
    reboot: { task: "reboot", params: ["timeout"], refuse: notRunning, work: reboot },
    suspend: { task: "suspend", params: [], refuse: notRunning, work: switchTo("stopped") },
    resume: { task: "resume", params: [], refuse: running, work: switchTo("running") },
  },
};

const checkParams = (verb: PowerVerb, params: Params): void => {
  const problems: Record<string, string> = {};
  for (const [name, value] of Object.entries(params)) {
    if (!verb.params.includes(name) && name !== "skiplock") {
      problems[name] = "property is not defined in schema and the schema does not allow additional properties";
    } else if (name === "timeout" && !/^\d+$/.test(value)) {
      problems[name] = `type check ('integer') failed - got '${value}'`;
    }
  }
  if (Object.keys(problems).length > 0) throw invalidParameters(problems);
};

const fork = (work: Omit<Work, keyof TaskRun>, verb: PowerVerb, user: string): string => {
  const { cluster, guest } = work;
  const prefix = guest.kind === "qemu" ? "qm" : "vz";
  const facts = { node: guest.node, type: prefix + verb.task, id: String(guest.vmid), user };
  return forkTask(cluster, { ...facts, work: (run) => verb.work({ ...work, ...run }) }).upid;
};

/** The manager is only told what is wanted; it brings it about afterwards, by a task of its own. */
const askManager = (work: Omit<Work, keyof TaskRun>, verb: PowerVerb, user: string): string | null => {
  const { cluster, guest } = work;
  const wanted = verb.ha;
  if (guest.ha === null || wanted === undefined) return null;
  const facts = { node: guest.node, type: wanted.task, id: String(guest.vmid), user };
  const request = async (run: TaskRun): Promise<void> => {
    run.log(`Requesting HA ${wanted.task.slice(2)} for ${word(guest)} ${guest.vmid}`);
    await run.pause(cluster.taskMs / 4);
    guest.ha = wanted.state;
    fork(work, verb, "root@pam");
  };
  return forkTask(cluster, { ...facts, work: request }).upid;
};

/** Does a power verb and gives the UPID of its task. */
export const powerGuest = (
  cluster: Cluster,
  guest: Guest,
  request: { verb: string; params: Params; user: string },
): string => {
  const { params, user } = request;
  const verb = verbs[guest.kind][request.verb];
  if (verb === undefined) throw new ApiError(501, `Method 'POST' not implemented for '${request.verb}'`);
  checkParams(verb, params);
  const refusal = verb.refuse?.(guest, params) ?? null;
  if (refusal !== null) throw new ApiError(500, refusal);
  if (flag(params, "overrule-shutdown")) {
    const shutdowns = cluster.tasks.filter((task) => isActive(task) && task.type.endsWith("shutdown"));
    for (const task of shutdowns) if (task.id === String(guest.vmid)) task.abort();
  }
  const work = { cluster, guest, params };
  return askManager(work, verb, user) ?? fork(work, verb, user);
};

export const hasPowerVerb = (kind: GuestKind, verb: string): boolean => Object.hasOwn(verbs[kind], verb);
