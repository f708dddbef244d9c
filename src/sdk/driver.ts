/** The class every driver extends: what it knows of its instance and how it reaches its device. */
import type { JsonObject } from "../model/json.ts";
import { type Ask, type HttpResponse, httpResponseOf } from "./http-client.ts";
import { createTransportClients, type TransportClients } from "./transport-clients.ts";

/** Lines in the job's log. `meta` is plain JSON. */
export interface DriverLog {
  /** What only whoever looks for a fault wants to know. */
  debug(message: string, meta?: JsonObject): void;
  /** What happened. */
  info(message: string, meta?: JsonObject): void;
  /** What went on in spite of something. */
  warn(message: string, meta?: JsonObject): void;
  /** What went wrong. */
  error(message: string, meta?: JsonObject): void;
}

/** What a driver says while it works. */
export type DriverEvent =
  | {
      readonly kind: "log";
      readonly level: "debug" | "info" | "warn" | "error";
      readonly message: string;
      readonly meta?: JsonObject;
    }
  | { readonly kind: "progress"; readonly percent: number; readonly message: string }
  | { readonly kind: "artifact"; readonly name: string; readonly contentType: string; readonly base64: string };

/** What the runner gives a driver for one call. */
export interface DriverContext {
  /** The config of the instance, without secrets. */
  readonly config: unknown;
  /** Name to handle. */
  readonly secrets: Readonly<Record<string, string>>;
  /** Sends one operation to the runner. */
  readonly ask: Ask;
  /** Tells the job something. */
  readonly emit: (event: DriverEvent) => void;
}

const logOf = (emit: DriverContext["emit"]): DriverLog => {
  const at =
    (level: "debug" | "info" | "warn" | "error") =>
    (message: string, meta: JsonObject = {}) =>
      emit({ kind: "log", level, message, meta });
  return { debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") };
};

/**
 * Base of all drivers. `Config` is the shape of the manifest's connection schema without its secrets.
 * A new object is made for each call; nothing kept in it reaches the next one.
 *
 * @example
 * export class ExampleDriver extends Driver<{ host: string }> {
 *   async test_connection() {
 *     const { status, latency_ms } = await this.transports.http.request({ path: "/version" });
 *     return { status: status === 200 ? "connected" : "error", latency_ms };
 *   }
 * }
 */
export class Driver<Config = Readonly<Record<string, unknown>>> {
  /** The config of the instance, defaults filled in; its secrets are in `secrets`. */
  declare readonly config: Config;
  /** Handles: stand-ins that the runner replaces by the secrets' values at the last moment. */
  declare readonly secrets: Readonly<Record<string, string>>;
  /** The clients of the endpoints that the manifest declares. */
  declare readonly transports: TransportClients;
  /** Lines for whoever watches the job. */
  declare readonly log: DriverLog;
  declare private readonly context: DriverContext;

  constructor(context?: DriverContext) {
    if (context !== undefined) attachDriver(this, context);
  }

  /** Says how far the call is: `percent` from 0 to 100. */
  progress(percent: number, message: string): void {
    this.context.emit({ kind: "progress", percent, message });
  }

  /**
   * Keeps a file with the job: at most 16 MiB, under a name of letters, digits, dots, dashes and underscores. Secrets
   * in it are replaced by `[secret:name]`.
   */
  artifact(name: string, bytes: Uint8Array | string, contentType = "application/octet-stream"): void {
    const base64 = Buffer.from(bytes as Uint8Array).toString("base64");
    this.context.emit({ kind: "artifact", name, contentType, base64 });
  }

  /**
   * What the last succeeded job of the same instance, capability and verb kept under this name; null when none did.
   *
   * @example const before = await this.lastArtifact("running-config.txt");
   */
  async lastArtifact(name: string): Promise<Uint8Array | null> {
    const answer = (await this.context.ask("artifact.last", { name })) as { base64: string } | null;
    return answer === null ? null : Buffer.from(answer.base64, "base64");
  }

  /**
   * Sends the plan's next `count` steps (default: all that are left) and gives their answers, each as the
   * transport's client would have: an HttpResponse for an http step. The first answer that is no success (not 2xx nor
   * in `accept`) ends the plan and is the last one here: who returns `ok` in spite of it fails with \`device_error\`.
   */
  async apply<Answer = HttpResponse>(count?: number): Promise<readonly Answer[]> {
    const answers = (await this.context.ask("apply", count === undefined ? {} : { count })) as readonly unknown[];
    return answers.map((answer) => httpResponseOf(answer) as Answer);
  }
}

/** Gives a driver object its context; also for classes whose constructor passes nothing on. */
export const attachDriver = (driver: object, context: DriverContext): void => {
  const fields = {
    config: context.config,
    secrets: context.secrets,
    transports: createTransportClients(context.ask),
    log: logOf(context.emit),
    context,
  };
  for (const [name, value] of Object.entries(fields)) {
    Object.defineProperty(driver, name, { value, configurable: true, enumerable: name !== "context" });
  }
};
