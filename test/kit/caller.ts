/** What a client of the HTTP API does all day: installs packs, adds instances, asks for actions and looks at jobs. */
import { upload, zip } from "./pack.ts";
import { type Reply, type System, until } from "./system.ts";

export interface JobView {
  readonly id: string;
  readonly kind: string;
  readonly state: string;
  readonly attempt: number;
  readonly result: Readonly<Record<string, unknown>> | null;
  readonly error: { readonly code: string; readonly detail: string; readonly details?: Record<string, unknown> } | null;
  readonly waiting_for?: Readonly<Record<string, unknown>>;
}

/** An answer that is a job, or the problem that came instead of one. */
export type Answer = Reply<JobView & { readonly code?: string; readonly job_id?: string }>;

const settledStates = new Set(["succeeded", "failed", "timed_out", "cancelled", "unknown_outcome", "partial"]);

export interface Asked {
  readonly capability?: string;
  readonly verb: string;
  readonly target?: string;
  readonly params?: Readonly<Record<string, unknown>>;
  readonly dry_run?: boolean;
  readonly plan_id?: string;
  readonly confirm?: boolean;
}

export interface Caller {
  /** Uploads and waits for the install to end. */
  uploadBytes(bytes: Buffer, options?: { name?: string; query?: string }): Promise<Answer>;
  /** Installs files as a pack and expects it to be valid. */
  install(files: Readonly<Record<string, string | Buffer>>): Promise<void>;
  addInstance(typeId: string, name: string, config: object, secrets?: object): Promise<string>;
  /** An action on a vm; waits for its end unless `wait` is 0. */
  act(instance: string, asked: Asked, options?: { wait?: number; headers?: Record<string, string> }): Promise<Answer>;
  job(id: string): Promise<JobView>;
  settled(id: string, timeoutMs?: number): Promise<JobView>;
  /** The code with which a job or its admission ended; the state when there is none. */
  codeOf(answer: Answer): string;
}

export const callerOf = (system: System): Caller => {
  const job = async (id: string): Promise<JobView> => (await system.call<JobView>("GET", `/api/jobs/${id}`)).body;
  const uploadBytes: Caller["uploadBytes"] = (bytes, { name, query = "" } = {}) =>
    system.call("POST", `/api/integrations/types/upload${query}`, upload(bytes, name), { prefer: "wait=60" });
  return {
    job,
    uploadBytes,
    async install(files) {
      const { status, body } = await uploadBytes(await zip(files));
      if (status !== 200) throw new Error(`the pack was not installed: ${JSON.stringify(body)}`);
    },
    async addInstance(typeId, name, config, secrets = {}) {
      const { status, body } = await system.call<{ instance_id: string }>("POST", "/api/integrations/instances", {
        type_id: typeId,
        name,
        config,
        secrets,
      });
      if (status !== 201) throw new Error(`the instance was not added: ${JSON.stringify(body)}`);
      return body.instance_id;
    },
    act(instance, { capability = "vm.power", target = "1", ...asked }, { wait = 30, headers = {} } = {}) {
      const body = { capability, target: { type: "vm", id: target }, ...asked };
      const prefer: Record<string, string> = wait === 0 ? {} : { prefer: `wait=${wait}` };
      return system.call("POST", `/api/integrations/instances/${instance}/actions`, body, { ...prefer, ...headers });
    },
    settled: (id, timeoutMs = 30_000) =>
      until(
        async () => {
          const found = await job(id).catch(() => undefined);
          return found && settledStates.has(found.state) ? found : undefined;
        },
        `the end of ${id}`,
        timeoutMs,
      ),
    codeOf: ({ body }) => body.code ?? body.error?.code ?? body.state,
  };
};
