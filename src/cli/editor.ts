/** A text in a person's own editor. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { usage } from "./failure.ts";

/**
 * Opens the text, and answers with what the person left.
 * @param command the editor with its options, such as `code --wait`.
 * @throws CliFailure when there is no such editor, or when it was left with an error.
 */
export const editText = async (command: string, text: string): Promise<string> => {
  const [program = "", ...args] = command.trim().split(/\s+/);
  const folder = mkdtempSync(join(tmpdir(), "switchyard-"));
  const file = join(folder, "edit.yaml");
  try {
    writeFileSync(file, text, { mode: 0o600 });
    const child = spawn(program, [...args, file], { stdio: "inherit" });
    const [code] = (await once(child, "exit").catch(() => {
      throw usage(`The editor ${JSON.stringify(program)} cannot be started.`, ["Name another one in EDITOR."]);
    })) as [number | null];
    if (code !== 0) throw usage(`The editor ended with ${code ?? "a signal"}, so nothing was changed.`);
    return readFileSync(file, "utf8");
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
};
