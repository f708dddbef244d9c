/** Takes away what the process does not need before a pack's code is loaded; the walls around it stand without this. */

const refused = (name: string) => (): never => {
  throw Object.assign(new Error(`A driver may not use process.${name}.`), { code: "ERR_ACCESS_DENIED" });
};

/** Without a pid namespace, and as the same user, a signal would reach the runner. */
const unneeded = [
  "kill",
  "_kill",
  "_debugProcess",
  "_debugEnd",
  "binding",
  "_linkedBinding",
  "dlopen",
  "chdir",
] as const;

/** Empties the environment and the arguments and blocks signals. */
export const sealProcess = (): void => {
  Object.defineProperty(process, "env", { value: {}, configurable: false, writable: false });
  process.argv.splice(1);
  process.execArgv.splice(0);
  for (const name of unneeded) {
    Object.defineProperty(process, name, { value: refused(name), configurable: false, writable: false });
  }
};
