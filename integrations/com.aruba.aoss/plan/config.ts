/** The running configuration: whether it is saved, what it says, and what changed in it. */
import { DriverError, type DryRunResult, type Step } from "switchyard/sdk";
import { unexpected } from "../parse/problem.ts";
import { type Show, showIfKnown } from "../show.ts";

export type Saved = "saved" | "unsaved" | "unknown";

export const readSaved = async (show: Show): Promise<Saved> => {
  const text = (await showIfKnown(show, "show config status")) ?? "";
  if (/has been changed|needs to be saved|differs?\b/i.test(text)) return "unsaved";
  return /same as/i.test(text) ? "saved" : "unknown";
};

/** Without the line above it; @throws DriverError `protocol_mismatch` when it is no configuration. */
export const readConfig = async (show: Show): Promise<string> => {
  const text = (await show("show running-config")).replaceAll("\r", "");
  const start = text.search(/^;.*Configuration Editor/m);
  if (start === -1) throw unexpected("show running-config", "a configuration that begins with its editor's line", text);
  return `${text.slice(start).trimEnd()}\n`;
};

/** @throws DriverError `device_error` when the switch does not say that it is saved now. */
export const requireSaved = async (show: Show): Promise<Saved> => {
  const saved = await readSaved(show);
  if (saved !== "unsaved") return saved;
  throw new DriverError(
    "device_error",
    "The switch took `write memory`, but says that its configuration is not saved. Look at its log.",
  );
};

const save: Step = { transport: "ssh", commands: ["write memory"], idempotent: true };

export const planSave = (id: string, saved: Saved): DryRunResult => ({
  ok: true,
  severity: "info",
  idempotency_key: `aoss:${id}:save`,
  preconditions: [],
  plan: { kind: "ssh", steps: saved === "saved" ? [] : [save] },
  effects: {
    summary: saved === "saved" ? "The configuration is saved already" : "Save the running configuration",
    per_target: [{ id, from: saved, to: "saved" }],
  },
});

export const planBackup = (id: string): DryRunResult => ({
  ok: true,
  severity: "info",
  idempotency_key: `aoss:${id}:backup`,
  preconditions: [],
  plan: {
    kind: "ssh",
    steps: [],
    notes: ["Reads the running configuration and keeps it with the job; nothing is written."],
  },
  effects: { summary: "Keep the running configuration with the job", per_target: [{ id, from: null, to: null }] },
});
