/** What VMs and containers offer: from which states each verb leads where, and which parameters it takes. */
import type { GuestKind, GuestStatus } from "./resources.ts";

export interface Verb {
  /** States in which it does something. */
  readonly from: readonly GuestStatus[];
  readonly to: GuestStatus;
  /** States in which there is nothing to do. */
  readonly done: readonly GuestStatus[];
  readonly params: readonly string[];
  readonly phrase: string;
  /** What people should know before. */
  readonly note?: string;
}

const start: Verb = { from: ["stopped"], to: "running", done: ["running"], params: [], phrase: "Start" };
const stop: Verb = {
  from: ["running", "suspended", "unknown"],
  to: "stopped",
  done: ["stopped"],
  params: ["overrule-shutdown"],
  phrase: "Stop",
  note: "A stop is like pulling the plug: the guest cannot save anything.",
};
const shutdown: Verb = {
  from: ["running"],
  to: "stopped",
  done: ["stopped"],
  params: ["timeout", "forceStop"],
  phrase: "Shut down",
};
const suspend: Verb = { from: ["running"], to: "suspended", done: ["suspended"], params: [], phrase: "Suspend" };
const resume: Verb = { from: ["suspended"], to: "running", done: ["running"], params: [], phrase: "Resume" };
const checkpoint = "Checkpoints of containers are experimental in Proxmox VE; a suspended one shows as stopped.";

/** By kind of guest. A verb that is missing is not offered by the API. */
export const offered: Readonly<Record<GuestKind, Readonly<Record<string, Verb>>>> = {
  qemu: {
    start: { ...start, params: ["timeout"] },
    stop: { ...stop, params: ["timeout", "overrule-shutdown"] },
    shutdown,
    suspend,
    resume,
    reset: {
      from: ["running"],
      to: "running",
      done: [],
      params: [],
      phrase: "Reset",
      note: "A reset is like pressing the reset button: the guest cannot save anything.",
    },
  },
  lxc: {
    start,
    stop,
    shutdown,
    suspend: { ...suspend, to: "stopped", done: [], note: checkpoint },
    resume: { ...resume, from: ["stopped"], note: checkpoint },
  },
};

/** Verbs after which somebody may miss the guest. */
export const isDisruptive = (verb: string): boolean => ["shutdown", "stop", "reset", "suspend"].includes(verb);

/** States of the high-availability manager in which it does not take requests for the guest. */
export const isHaBusy = (state: string | null): boolean =>
  state !== null && ["error", "fence", "recovery", "migrate", "relocate", "freeze", "request_stop"].includes(state);
