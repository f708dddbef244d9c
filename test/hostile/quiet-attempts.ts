/** How each attempt to get out is named in its job when its driver keeps silent about it. */
import { attempts } from "./escape-driver.ts";

/** Where nothing exists that could refuse: no descriptor, no variable, no function is there. Whoever tries gets nothing. */
export const nothingThere: readonly string[] = [
  ...["readDescriptors", "adoptDescriptors", "tlsCaFile", "coverage", "regainBinding"],
];

/** Attempts that end their sandbox however the driver goes on: their job fails. */
export const fatal: Readonly<Record<string, string>> = {
  listenTcp: "driver_failed",
  flagsFromString: "sandbox_crashed",
};

/** What names an attempt in its job when that is not Node's word for a file, the network or a process. */
const words: Readonly<Record<string, string>> = {
  ...{ symlinkIn: "FileSystem", importFile: "import", requireFile: "import", sqliteFile: "import" },
  ...{ sqliteAttach: "import", quic: "import", addon: "import", report: "report", heapSnapshot: "FileSystemWrite" },
  ...{ writeOwnFolder: "FileSystemWrite", writeTemporary: "FileSystemWrite", writeSdk: "FileSystemWrite" },
  ...{ compileCache: "FileSystemWrite", fetchApi: "fetch", webSocket: "WebSocket", eventSource: "EventSource" },
  ...{
    inspector: "Inspector",
    worker: "WorkerThreads",
    dlopen: "dlopen",
    binding: "binding",
    ffi: "FFI",
    wasi: "WASI",
  },
  ...{ linkedBinding: "_linkedBinding", killParent: "kill", killGroup: "kill", debugParent: "_debugProcess" },
  ...{ priority: "setPriority", setuid: "setuid" },
};
const wordsFor = (names: readonly string[], usual: string): [string, string][] =>
  names
    .filter((name) => !nothingThere.includes(name) && !Object.hasOwn(fatal, name))
    .map((name) => [name, words[name] ?? usual]);

/** Every attempt whose driver swallows the error, and what was refused in the words of the warning. */
export const quiet: readonly (readonly [string, string])[] = [
  ...wordsFor(attempts.files, "FileSystemRead"),
  ...wordsFor(attempts.network, "Net"),
  ...wordsFor(attempts.processes, "ChildProcess"),
];
