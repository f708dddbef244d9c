/** A driver object with a plain http client in the runner's place: for tests of what a driver makes of answers. */
import { performance } from "node:perf_hooks";
import { type ActionCall, DriverError, type DryRunResult, type HttpRequest, type HttpStep } from "switchyard/sdk";
import { Agent, request } from "undici";
import { attachDriver, type DriverEvent } from "../../src/sdk/driver.ts";

export interface DirectOptions {
  readonly baseUrl: string;
  readonly config: Readonly<Record<string, unknown>>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly ca?: string;
}

interface WireAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly latency_ms: number;
}
type CallFacts = Pick<ActionCall, "verb"> & {
  readonly target: { readonly type: string; readonly id: string };
  readonly params?: ActionCall["params"];
};

export interface DirectDriver<D> {
  readonly driver: D;
  readonly events: DriverEvent[];
  /** What an action's method is given for a dry run. */
  planning(facts: CallFacts): ActionCall;
  /** The same for applying a plan; `answers` stand for steps that an earlier attempt sent. */
  applying(facts: CallFacts, plan: DryRunResult, answers?: readonly WireAnswer[]): ActionCall;
  close(): Promise<void>;
}

const causes: Readonly<Record<string, string>> = {
  ECONNREFUSED: "connection_refused",
  UND_ERR_SOCKET: "network_unreachable",
  UND_ERR_HEADERS_TIMEOUT: "response_timeout",
};

type Pairs = readonly (readonly [string, unknown])[];
const pairsOf = (value: HttpRequest["query"] | HttpRequest["form"]): Pairs =>
  Array.isArray(value) ? (value as Pairs) : Object.entries(value ?? {});
const encoded = (value: HttpRequest["query"] | HttpRequest["form"]): string =>
  new URLSearchParams(pairsOf(value).map(([name, each]) => [name, String(each)])).toString();

const bodyOf = ({ form, json }: Partial<HttpRequest>): { type: string; text: string } | null => {
  if (form !== undefined) return { type: "application/x-www-form-urlencoded", text: encoded(form) };
  return json === undefined ? null : { type: "application/json", text: JSON.stringify(json) };
};

/** Makes a driver whose requests go straight to `baseUrl`. A write outside `apply` is refused, as the runner would. */
export const createDirectDriver = <D extends object>(Type: new () => D, options: DirectOptions): DirectDriver<D> => {
  const agent = new Agent({
    headersTimeout: 2000,
    ...(options.ca === undefined ? {} : { connect: { ca: options.ca } }),
  });
  const events: DriverEvent[] = [];
  let steps: readonly HttpStep[] = [];
  let recorded: readonly WireAnswer[] = [];

  const send = async (asked: Partial<HttpRequest>): Promise<WireAnswer> => {
    const query = encoded(asked.query);
    const body = bodyOf(asked);
    const started = performance.now();
    try {
      const response = await request(`${options.baseUrl}${asked.path ?? ""}${query === "" ? "" : `?${query}`}`, {
        method: asked.method ?? "GET",
        dispatcher: agent,
        headers: { ...options.headers, ...asked.headers, ...(body === null ? {} : { "content-type": body.type }) },
        body: body?.text ?? null,
      });
      const headers = Object.fromEntries(Object.entries(response.headers).map(([name, each]) => [name, String(each)]));
      const text = await response.body.text();
      return { status: response.statusCode, headers, body: text, latency_ms: performance.now() - started };
    } catch (thrown) {
      const { code = "", message = "" } = thrown as { code?: string; message?: string };
      throw new DriverError(causes[code] ?? "device_error", `${message} (${code})`);
    }
  };
  const sendStep = async (step: HttpStep, index: number): Promise<WireAnswer> => {
    const answer = recorded[index] ?? (await send(step));
    if (answer.status >= 200 && answer.status < 300) return answer;
    const { status, body } = answer;
    throw new DriverError("device_error", `Step ${index} was answered with ${status}.`, { status, body });
  };
  const apply = async (): Promise<WireAnswer[]> => {
    const answers: WireAnswer[] = [];
    for (const [index, step] of steps.entries()) answers.push(await sendStep(step, index));
    return answers;
  };
  const ask = async (op: string, args: unknown): Promise<unknown> => {
    if (op === "apply") return apply();
    const asked = args as HttpRequest;
    if ((asked.method ?? "GET") !== "GET") throw new DriverError("read_only_violation", "A write outside apply.");
    return send(asked);
  };

  const driver = new Type();
  attachDriver(driver, { config: options.config, secrets: {}, ask, emit: (event) => events.push(event) });
  const call = ({ verb, target, params = {} }: CallFacts) => ({
    verb,
    params,
    target: { ...target, external_id: target.id },
    signal: new AbortController().signal,
  });
  return {
    driver,
    events,
    planning: (facts) => ({ ...call(facts), dryRun: true, plan: null }),
    applying: (facts, plan, answers = []) => {
      steps = plan.plan.steps as readonly HttpStep[];
      recorded = answers;
      return { ...call(facts), dryRun: false, plan: { ...plan, steps } };
    },
    close: () => agent.destroy(),
  };
};
