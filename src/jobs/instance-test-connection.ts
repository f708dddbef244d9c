/** instance.test_connection: is the thing there, and may we talk to it? Settles what state the instance is in. */
import { isDriverCode, SwitchyardError } from "../errors.ts";
import { asTestResult, type TestResult } from "../model/dry-run.ts";
import type { Instance, InstanceState } from "../model/instance.ts";
import type { SettledState } from "../model/job.ts";
import { requireSmall } from "../model/job-size.ts";
import type { Json } from "../model/json.ts";
import { recordTest } from "../store/instances.ts";
import type { JobInput } from "./catalog.ts";
import { runConnectionTest } from "./connection-test.ts";
import type { Ending, JobContext } from "./context.ts";
import { announceInstance, readSubject } from "./subject.ts";

/** Neither succeeded nor failed (cancelled, lost) leaves the instance `unknown`. */
const stateAfter: Readonly<Partial<Record<SettledState, InstanceState>>> = { failed: "error", timed_out: "error" };

const settleTest = (
  context: JobContext,
  instance: Instance,
  seen: { result?: TestResult; latencyMs?: number },
): void => {
  context.onSettle(function* ({ state, error, at }: Ending) {
    const reached = state === "succeeded" ? (seen.result?.status ?? "connected") : (stateAfter[state] ?? "unknown");
    yield* recordTest({
      id: instance.id,
      configRevision: instance.configRevision,
      secrets: instance.secrets,
      state: reached,
      at,
      latencyMs: state === "succeeded" ? (seen.latencyMs ?? null) : null,
      error: error === null ? null : { code: error.code, detail: error.detail, at },
    });
  });
  context.afterSettle(() => announceInstance(context, instance.id));
};

const failureOf = (result: TestResult): SwitchyardError => {
  const details = result.details;
  const named = typeof details === "object" && details !== null && "code" in details ? details.code : undefined;
  return new SwitchyardError(isDriverCode(named) ? named : "device_error", {
    detail: result.message ?? "The driver says that the connection does not work.",
  });
};

export const testConnection = async (context: JobContext): Promise<Json> => {
  const input = context.job.input as unknown as JobInput<"instance.test_connection">;
  const { instance, type } = await readSubject(context, input.instance_id);
  const seen: { result?: TestResult; latencyMs?: number } = {};
  settleTest(context, instance, seen);

  context.progress("connect", `Testing ${instance.name}`, 10);
  const driver = await context.driver(instance, type);
  await runConnectionTest(context, driver, type.manifest);
  context.progress("driver", "Asking the driver", 50);
  const startedAt = context.now();
  const { value } = await driver.call("test_connection", {}, { mode: "read" });
  requireSmall("The answer to the test", value);
  const result = asTestResult(value);
  seen.result = result;
  seen.latencyMs = result.latency_ms ?? context.now() - startedAt;
  if (result.status === "error") throw failureOf(result);

  if (instance.state === result.status) context.markRoutine();
  context.emit("test", "info", result.message ?? `The instance is ${result.status}`);
  return {
    status: result.status,
    latency_ms: seen.latencyMs,
    message: result.message ?? "",
    details: result.details ?? {},
  };
};
