/** What is said when a switch prints something else than its command should. */
import { DriverError } from "switchyard/sdk";

const shown = (text: string): string =>
  JSON.stringify(text.slice(0, 1_000).trim().replaceAll(/\s+/g, " ").slice(0, 100));

/** An output that cannot be what the command prints: nothing of it is used. */
export const unexpected = (command: string, expected: string, seen: string): DriverError =>
  new DriverError(
    "protocol_mismatch",
    `"${command}" should print ${expected}, got ${shown(seen) || "nothing"}. Nothing of the output was used; compare it with the switch's own console.`,
    { command },
  );

/** No command prints longer ones. */
const longestLine = 2_000;
const refusals = /^\s*(?:Invalid input|Ambiguous input|Incomplete input|Unknown command|Module not present)\b.*/im;

/** The line with which the switch refused a command; null when it took it. */
export const refusalIn = (output: string): string | null => refusals.exec(output.slice(0, 2_000))?.[0].trim() ?? null;

/** The command's lines. @throws DriverError `device_error` when the switch did not take the command. */
export const linesOf = (output: string, command: string): readonly string[] => {
  const refusal = refusalIn(output);
  if (refusal === null) {
    const lines = output.replaceAll("\r", "").split("\n");
    const long = lines.find(({ length }) => length > longestLine);
    if (long === undefined) return lines;
    throw unexpected(command, `lines of at most ${longestLine} characters`, long);
  }
  throw new DriverError("device_error", `The switch did not take "${command}": ${refusal}`, { command });
};
