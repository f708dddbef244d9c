/** Takes away what the process does not need before a pack's code is loaded; the walls around it stand without this. */
import { nodeModule, os } from "./builtins.ts";

type Note = (permission: string, resource: string) => void;

const refused = (name: string, note: Note): (() => never) => {
  // No arrow: it must answer to `new` as well.
  function refuse(): never {
    note(name, "");
    throw Object.assign(new Error(`A driver may not use ${name}.`), {
      code: "ERR_ACCESS_DENIED",
      ...(ofNetwork.includes(name) ? { permission: "Net" } : {}),
    });
  }
  return refuse;
};

/** Whoever assigns another function is not told that it stays: Node's own modules wrap some of these as they are loaded. */
const replace = (owner: object, names: readonly string[], note: Note): void => {
  for (const name of names) {
    const refuse = refused(name, note);
    // What Node makes on first sight must not be made: a WebSocket alone weighs 7 MB.
    Reflect.deleteProperty(owner, name);
    Object.defineProperty(owner, name, { get: () => refuse, set: () => undefined, configurable: false });
  }
};

/** They would fail much later, and without a word of where. */
const ofNetwork = ["fetch", "WebSocket", "EventSource"];

/** Without a pid namespace, and as the same user, a signal would reach the runner. */
const ofProcess = ["kill", "_kill", "_debugProcess", "_debugEnd", "binding", "_linkedBinding", "dlopen", "chdir"];

/** It has no privilege to give up, so whoever calls these is after another's. */
const ofUser = ["setuid", "seteuid", "setgid", "setegid", "setgroups", "initgroups"];

/** Empties the environment and the arguments; blocks signals, priorities and changes of user, and notes who tries. */
export const sealProcess = (note: Note): void => {
  Object.defineProperty(process, "env", { value: {}, configurable: false, writable: false });
  const report = { writeReport: refused("report", note), getReport: refused("report", note) };
  Object.defineProperty(process, "report", { value: Object.freeze(report), configurable: false, writable: false });
  process.argv.splice(1);
  process.execArgv.splice(0);
  replace(process, [...ofProcess, ...ofUser], note);
  replace(os, ["setPriority"], note);
  replace(globalThis, ofNetwork, note);
  nodeModule.syncBuiltinESMExports();
};
