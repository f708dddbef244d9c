/** Runs a file of ours under the pinned Node; signals and the exit code pass through. Any Node >= 20 runs this. */
import { spawn } from "node:child_process";
import { constants } from "node:os";
import { fileURLToPath } from "node:url";
import { pinnedNode } from "./platform.mjs";

const node = pinnedNode();
if (!node) {
  process.stderr.write("run: the pinned Node is not installed; run `npm ci --ignore-scripts` or `npm start`\n");
  process.exit(1);
}
// What was compiled and stripped of its types once is not compiled again: starts are quicker and processes smaller.
const NODE_COMPILE_CACHE =
  process.env.NODE_COMPILE_CACHE ?? fileURLToPath(new URL("../node_modules/.cache/switchyard", import.meta.url));
const child = spawn(node, ["--disable-warning=ExperimentalWarning", ...process.argv.slice(2)], {
  stdio: "inherit",
  env: { ...process.env, NODE_COMPILE_CACHE },
});
// A terminal tells the whole group, npm only its own child: what is heard here is passed on, and may come there twice.
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal));
child.on("exit", (code, signal) => process.exit(signal ? 128 + constants.signals[signal] : code));
