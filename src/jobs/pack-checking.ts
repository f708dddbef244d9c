/** While a pack is looked at, its type says so; however the job ends, the type then says what is known of it. */
import type { IntegrationType, RecordedType } from "../model/integration-type.ts";
import { instancesOfType } from "../store/instances.ts";
import { changeTypeStatus, forgetType, removeType, upsertType } from "../store/types.ts";
import type { Unit } from "../store/unit.ts";
import type { JobContext } from "./context.ts";
import { writeFenced } from "./pack-record.ts";

/** What is known of a type that a killed job left `checking`: its errors are those of the last look. */
export const knownStatus = ({
  status,
  errors,
}: Pick<IntegrationType, "status" | "errors">): IntegrationType["status"] => {
  if (status !== "checking") return status;
  return Object.keys(errors).length === 0 ? "valid" : "invalid";
};

/** Watchers hear of it at once; when they cannot, the look goes on all the same. */
const say = async (context: JobContext, { id, errors }: IntegrationType): Promise<void> => {
  await context
    .announce({ type: "integration_type.updated", id, status: "checking", errors })
    .catch((error: unknown) => context.log.warn({ err: error }, "nobody heard that a type is checked"));
};

/** A release that is installed is looked at again. A type that is gone stays so until it was found. */
export const checkAgain = async (context: JobContext, type: IntegrationType): Promise<void> => {
  const status = knownStatus(type);
  if (status !== "valid" && status !== "invalid") return;
  const { id } = type;
  await writeFenced(context, () =>
    changeTypeStatus({ id, from: [status, "checking"], to: "checking", now: context.now() }),
  );
  context.onSettle(function* ({ at }) {
    yield* changeTypeStatus({ id, from: ["checking"], to: status, now: at });
  });
  await say(context, type);
};

/** Nothing was installed: no trace stays, but for the instances that somebody made meanwhile. */
function* withdraw(id: string, now: number): Unit<void> {
  const instances = yield* instancesOfType(id);
  if (instances.length === 0) yield* forgetType({ id, status: "checking" });
  else if (yield* changeTypeStatus({ id, from: ["checking"], to: "unavailable", now })) {
    yield* removeType({ id, now, isRemoved: false });
  }
}

/** A type that nobody knew before is checked for its first time. */
export const checkFirst = async (context: JobContext, type: RecordedType): Promise<void> => {
  await writeFenced(context, () => upsertType({ ...type, status: "checking", errors: {} }));
  context.onSettle(({ at }) => withdraw(type.id, at));
  await say(context, { ...type, errors: {} });
};
