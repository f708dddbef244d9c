/** What a person would have read on a terminal: control sequences carried out or taken out. */

/** Escape sequences: CSI with its parameters, OSC and other strings up to their end, and the short ones. */
const sequences =
  /\u001b(?:\[[0-?]*[ -/]*[@-~]|\][^\u0007\u001b]{0,4096}(?:\u0007|\u001b\\)?|[PX^_][^\u001b]{0,4096}(?:\u001b\\)?|[ -/]*[0-~]?)|\u009b[0-?]*[ -/]*[@-~]/g;
const nextLine = /\u001bE|\u0085/g;
const controls = /[\u0000-\u0007\u000b-\u001f\u007f-\u009f]/g;

/** A carriage return begins the line anew: what follows is written over what stood there. */
const overwritten = (line: string): string => {
  if (!line.includes("\r")) return line;
  const shown = line.split("\r").reduce((below, above) => above + below.slice(above.length), "");
  return shown.trimEnd();
};

const erased = (line: string): string => {
  if (!line.includes("\b")) return line;
  const kept: string[] = [];
  for (const character of line) {
    if (character === "\b") kept.pop();
    else kept.push(character);
  }
  return kept.join("");
};

/** A device's output as plain lines: no escape sequences, no control characters but line ends and tabs. */
export const terminalText = (raw: string): string => {
  if (!/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/.test(raw)) return raw;
  const plain = raw.replaceAll(nextLine, "\n").replaceAll(sequences, "").replaceAll(/\r+\n/g, "\n");
  if (!/[\r\b]/.test(plain)) return plain.replaceAll(controls, "");
  return plain
    .split("\n")
    .map((line) => erased(overwritten(line)))
    .join("\n")
    .replaceAll(controls, "");
};

/** One line for a log or an error: control sequences taken out, line ends made visible as spaces. */
export const shownText = (raw: string, longest = 200): string => {
  const text = terminalText(raw).replaceAll(/\s+/g, " ").trim();
  return text.length > longest ? `${text.slice(0, longest)}...` : text;
};
