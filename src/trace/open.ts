/** Opens the tracer of a process when the settings name a collector; without one nothing of it is even loaded. */
import { randomBytes } from "node:crypto";
import type { Tracer } from "./trace.ts";

export interface TraceSettings {
  /** Null: traces go nowhere. */
  readonly url: string | null;
  readonly headers: Readonly<Record<string, string>>;
}

export interface TracedProcess {
  readonly role: string;
  readonly processId: string;
  readonly version: string;
  readonly now: () => number;
  readonly log: { warn(facts: object, message: string): void };
}

const timeoutMs = 5_000;
const everyMs = 1_000;

const hex = (digits: 16 | 32): string => randomBytes(digits / 2).toString("hex");

export const openTracer = async (
  { url, headers }: TraceSettings,
  { role, processId, version, now, log }: TracedProcess,
): Promise<Tracer | undefined> => {
  if (url === null) return undefined;
  const { createExporter } = await import("./exporter.ts");
  return createExporter({
    collector: { url, headers, timeoutMs },
    resource: {
      "service.name": `switchyard-${role}`,
      "service.namespace": "switchyard",
      "service.instance.id": processId,
      "service.version": version,
    },
    now,
    monotonic: () => performance.now(),
    hex,
    everyMs,
    log,
  });
};
