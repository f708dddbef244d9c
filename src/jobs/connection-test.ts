/** The manifest's `test` block, run by the runner itself before the driver is asked. */
import { SwitchyardError } from "../errors.ts";
import type { JsonObject } from "../model/json.ts";
import type { HttpTest, Manifest, TcpTest } from "../model/manifest.ts";
import { compileSuccessWhen } from "../model/success-when.ts";
import type { DriverHandle, JobContext } from "./context.ts";

interface HttpAnswer {
  readonly status: number;
  readonly body: string;
}

const parseBody = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
};

/** What an answer that does not hold means: the cause, and what to do next. */
const causeOf = ({ status }: HttpAnswer, test: HttpTest): SwitchyardError => {
  const asked = `${test.request.method} ${test.request.path}`;
  const details = { status };
  if (status === 401) {
    return new SwitchyardError("auth_failed", {
      detail: `${asked} answered 401: the device does not accept the credentials. Check the secrets of the instance.`,
      details,
    });
  }
  if (status === 403) {
    return new SwitchyardError("permission_denied_remote", {
      detail: `${asked} answered 403: the credentials are known but may not do this. Grant the account more rights.`,
      details,
    });
  }
  if (status >= 500) {
    return new SwitchyardError("device_error", {
      detail: `${asked} answered ${status}: the device reports a failure of its own. Look at the device.`,
      details,
    });
  }
  return new SwitchyardError("protocol_mismatch", {
    detail: `${asked} answered ${status}, expected ${test.success_when}. Check host and port: something else may answer there.`,
    details,
  });
};

const runHttpTest = async (context: JobContext, driver: DriverHandle, test: HttpTest): Promise<void> => {
  const { method, path, headers } = test.request;
  const answer = (await driver.ask("http.request", {
    method,
    path,
    ...(headers === undefined ? {} : { headers }),
  })) as unknown as HttpAnswer;
  const holds = compileSuccessWhen(test.success_when)({ status: answer.status, body: parseBody(answer.body) });
  if (!holds) throw causeOf(answer, test);
  context.emit("test", "info", `${method} ${path} answered ${answer.status}: ${test.success_when} holds`);
};

const runTcpTest = async (context: JobContext, driver: DriverHandle, test: TcpTest): Promise<void> => {
  const { timeout_s: timeoutSeconds = 5, ...where } = test.tcp;
  const probed = (await driver.ask("tcp.probe", { ...where, timeout_ms: timeoutSeconds * 1000 })) as JsonObject;
  context.emit("test", "info", `Port ${probed["port"]} accepts connections`);
};

/** Runs the block and throws its cause when it does not hold. A type without one is tested by its driver alone. */
export const runConnectionTest = async (
  context: JobContext,
  driver: DriverHandle,
  manifest: Manifest,
): Promise<void> => {
  const { test } = manifest;
  if (test === undefined || test.method === "driver") return;
  if (test.method === "tcp") return runTcpTest(context, driver, test);
  if (manifest.transports === undefined) {
    context.emit("test", "info", "The manifest declares no transports: its http test is skipped, the driver decides");
    return;
  }
  return runHttpTest(context, driver, test);
};
