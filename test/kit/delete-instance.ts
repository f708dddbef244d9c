/** Deletes an instance that its schedules look after: it is busy while one of their jobs runs. */
import { type System, until } from "./system.ts";

/** Resolves when the instance is deleted; a job of its own that runs is waited for. */
export const deleteInstance = (system: System, id: string): Promise<true> =>
  until(async () => {
    const { status, body } = await system.call("DELETE", `/api/integrations/instances/${id}`);
    if (status === 204) return true;
    if (body["code"] === "instance_busy") return undefined;
    throw new Error(`the instance was not deleted: ${JSON.stringify(body)}`);
  }, "the instance to be at rest");
