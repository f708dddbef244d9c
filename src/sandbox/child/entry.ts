/** What a sandbox runs: loads one driver, then answers one call after another. */
import { Driver } from "../../sdk/driver.ts";
import { DriverError } from "../../sdk/driver-error.ts";
import { encodeFrame } from "../frames.ts";
import { copyPlain } from "../plain.ts";
import { type ChildPlan, callLimits, type FromSandbox, type ToSandbox, type WireError } from "../wire.ts";
import { createCall, type RunningCall } from "./call.ts";
import { exitByRunner, openChannel } from "./channel.ts";
import { redirectOutput } from "./console.ts";
import { type ImportProblem, type LoadedDriver, loadDriver, packModulesOf, surfaceOf } from "./driver-class.ts";
import { deniedIn, explain } from "./explain.ts";
import { locate, showLocation } from "./location.ts";
import { createRefusals, hearRefusals } from "./refusals.ts";
import { sealProcess } from "./seal.ts";
import { createTidy } from "./tidy.ts";
import { watchWakers } from "./wakers.ts";

const plan = JSON.parse(process.argv[2] ?? "{}") as ChildPlan;
const lineDescriptor = 3;
const channel = openChannel(lineDescriptor);
const pack = packModulesOf(plan);
const tidy = createTidy();
const wakers = watchWakers();
const refusals = createRefusals(
  (message, meta) => current?.emit({ kind: "log", level: "warn", message, meta }),
  (error) => locate(error, pack.packDir, pack.packUrl),
);
let loaded: Promise<LoadedDriver> | undefined;
let current: RunningCall | undefined;
let isInspected = false;
/** Of the call that goes on; made before the driver has its hands on anything. */
let lastWords: Buffer | undefined;

const wordsOf = (id: string): Buffer => {
  const message = "The driver broke what its own process works with (JavaScript's builtins, the line to the runner).";
  return encodeFrame({ t: "failed", id, error: { code: "driver_failed", message, isFatal: true } });
};

const loadOnce = async (): Promise<LoadedDriver> => {
  const found = await loadDriver(plan, (specifier) => refusals.note("import", specifier.slice(0, 500)));
  wakers.keep();
  return found;
};

const load = (): Promise<LoadedDriver> => {
  loaded ??= loadOnce();
  return loaded;
};

const importFailure = ({ message, location }: ImportProblem): WireError => ({
  code: "driver_failed",
  message: `The driver cannot be loaded: ${message}`,
  ...(location === null ? {} : { at: showLocation(location) }),
});

const keptDetails = (details: unknown): unknown => {
  const plain = copyPlain(details);
  return plain.ok && JSON.stringify(plain.value).length <= callLimits.detailsLength ? plain.value : {};
};

const messageOf = (thrown: unknown, denied: ReturnType<typeof deniedIn>): string => {
  const own = thrown instanceof Error ? thrown.message : String(thrown);
  const meaning = denied === null ? null : explain(denied);
  const whole = meaning !== null && denied?.depth !== 0 ? `${own}: ${meaning}` : (meaning ?? own);
  return whole.slice(0, callLimits.messageLength);
};

const failureOf = (thrown: unknown, call: RunningCall): WireError => {
  const denied = deniedIn(thrown);
  const location = locate(thrown, pack.packDir, pack.packUrl) ?? (denied === null ? null : refusals.place());
  const ask = call.askOf(thrown);
  const isDriverError = thrown instanceof DriverError;
  return {
    code: isDriverError ? String(thrown.code) : "driver_failed",
    message: messageOf(thrown, denied),
    ...(isDriverError ? { details: keptDetails(thrown.details) } : {}),
    ...(location === null ? {} : { at: showLocation(location) }),
    ...(ask === undefined ? {} : { ask }),
  };
};

const doneWith = (id: string, value: unknown): FromSandbox => {
  const plain = copyPlain(value);
  if (plain.ok) return { t: "done", id, value: plain.value };
  const { message, pointer } = plain.fault;
  return { t: "failed", id, error: { code: "response_invalid", message, pointer } };
};

const refuseAnswer = ({ id }: RunningCall): void => {
  const text = "expected an answer of at most 24 MiB, got a larger one";
  try {
    channel.send({ t: "failed", id, error: { code: "response_invalid", message: text, pointer: "" } });
  } catch {
    leaveAtOnce(lastWords);
  }
};

const finish = (call: RunningCall, message: FromSandbox): void => {
  if (current !== call) return;
  current = undefined;
  call.end();
  try {
    channel.send(message);
  } catch {
    refuseAnswer(call);
  }
  lastWords = undefined;
};

const runCall = async (call: RunningCall): Promise<void> => {
  const found = await load();
  if (!found.ok) {
    finish(call, { t: "failed", id: call.id, error: importFailure(found.problem) });
    return;
  }
  try {
    finish(call, doneWith(call.id, await call.run(found.driver)));
  } catch (thrown) {
    finish(call, { t: "failed", id: call.id, error: failureOf(thrown, call) });
  }
};

const inspect = async (id: string): Promise<void> => {
  isInspected = true;
  const found = await load();
  if (found.ok) {
    channel.send({ t: "done", id, value: surfaceOf(found.driver, Driver.prototype) });
    return;
  }
  const { message, location } = found.problem;
  channel.send({ t: "done", id, value: { methods: {}, handles: null, importError: { message, ...location } } });
};

const take = (message: ToSandbox): void => {
  if (message.t === "call") {
    refusals.begin();
    wakers.begin();
    lastWords = wordsOf(message.id);
    current = createCall(message, channel.send);
    void runCall(current);
  } else if (message.t === "inspect") {
    void inspect(message.id);
  } else if (message.t === "tidy") {
    tidy();
  } else if (message.id !== current?.id) {
    return;
  } else if (message.t === "cancel") {
    current.cancel();
  } else if (message.t === "answer") {
    current.answer(message.n, message.value);
  } else {
    current.refuse(message.n, message.error);
  }
};

const fall = (thrown: unknown): void => {
  try {
    if (current !== undefined) {
      channel.send({ t: "failed", id: current.id, error: { ...failureOf(thrown, current), isFatal: true } });
    }
  } finally {
    leaveAtOnce(lastWords);
  }
};

redirectOutput((level, message) => current?.emit({ kind: "log", level, message, meta: { printed: true } }));
sealProcess(refusals.note);
hearRefusals(refusals);
const leaveAtOnce = exitByRunner(channel, lineDescriptor);
process.on("uncaughtException", fall);
channel.send({ t: "ready" });
channel.onMessage(take, {
  get isStill() {
    return current === undefined ? !isInspected : current.isAsking && wakers.isNone;
  },
  aside: wakers.aside,
});
