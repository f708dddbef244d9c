/** How what an action did is taken back, for those who have just seen it. */
import { SwitchyardError } from "../errors.ts";
import type { Capability } from "../model/manifest.ts";
import type { Effects } from "../model/plan.ts";
import { undoOf } from "../model/undo.ts";
import { call } from "./called.ts";
import { findInstance, findType } from "./client/find.ts";
import type { JobDocument } from "./client/wire.ts";
import type { Session } from "./session.ts";
import { leavesAsIs } from "./view/plan.ts";

/** Its effects name targets, and each looks as it did before. */
const changedNothing = ({ result }: JobDocument): boolean => {
  const { effects } = (result ?? {}) as { readonly effects?: Effects };
  return effects !== undefined && effects.per_target.length > 0 && leavesAsIs({ effects });
};

const canBeUndone = (job: JobDocument, capability: Capability): boolean => {
  try {
    undoOf(job, capability);
    return true;
  } catch (thrown) {
    if (thrown instanceof SwitchyardError) return false;
    throw thrown;
  }
};

/** What the type declares of the action; nothing when the type or the instance is gone. */
const capabilityOf = async ({ api }: Session, { subject, input }: JobDocument): Promise<Capability | undefined> => {
  const { type_id = "", instance_id = "" } = subject;
  try {
    const [type] = await Promise.all([findType(api, type_id), findInstance(api, instance_id)]);
    return type.capabilities.find(({ id }) => id === input["capability"]);
  } catch {
    return undefined;
  }
};

/** Says how a succeeded action is undone, or that it changed nothing; of a verb without an inverse nothing. */
export const printWayBack = async (session: Session, job: JobDocument): Promise<void> => {
  if (job.kind !== "action.run" || job.state !== "succeeded" || job.undone_by !== undefined) return;
  const capability = await capabilityOf(session, job);
  if (capability?.invertible?.[String(job.input["verb"])] === undefined) return;
  const { terminal } = session;
  if (changedNothing(job)) terminal.note("There was nothing to do: it was as asked already.");
  else if (canBeUndone(job, capability)) terminal.note(`Take it back with: ${call("undo", job.id)}`);
};
