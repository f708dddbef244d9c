/** Runs a file of ours under the pinned Node; signals and the exit code pass through. Any Node >= 20 runs this. */
import { spawn } from "node:child_process";
import { constants } from "node:os";
import { pinnedNode } from "./platform.mjs";

const node = pinnedNode();
if (!node) {
  process.stderr.write("run: the pinned Node is not installed; run `npm ci --ignore-scripts` or `npm start`\n");
  process.exit(1);
}
const child = spawn(node, ["--disable-warning=ExperimentalWarning", ...process.argv.slice(2)], { stdio: "inherit" });
// A terminal sends SIGINT to the whole group: the child gets it by itself, and this process only waits for its end.
process.on("SIGINT", () => undefined);
for (const signal of ["SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal));
child.on("exit", (code, signal) => process.exit(signal ? 128 + constants.signals[signal] : code));
