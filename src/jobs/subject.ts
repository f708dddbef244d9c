/** What a job is about: the instance and its type, as they are now. */
import { SwitchyardError } from "../errors.ts";
import type { Instance } from "../model/instance.ts";
import type { IntegrationType } from "../model/integration-type.ts";
import { withDefaults } from "../model/schema-defaults.ts";
import { findInstance } from "../store/instances.ts";
import type { Store } from "../store/store.ts";
import { findType } from "../store/types.ts";
import type { JobContext } from "./context.ts";

export interface JobSubject {
  readonly instance: Instance;
  readonly type: IntegrationType;
}

/** @throws SwitchyardError `not_found` or `type_unavailable`. */
export const readSubject = async (store: Store, instanceId: string): Promise<JobSubject> =>
  store.read(function* () {
    const instance = yield* findInstance(instanceId);
    if (!instance)
      throw new SwitchyardError("not_found", { detail: `The instance ${instanceId} does not exist any more.` });
    const type = yield* findType(instance.typeId);
    const isGone = instance.state === "type_unavailable" || type === undefined || type.status === "unavailable";
    if (isGone) {
      throw new SwitchyardError("type_unavailable", {
        detail: `The integration type ${instance.typeId} is not installed; install it again and test the instance.`,
      });
    }
    // Stored is what was given: a default is the manifest's, and follows it through an upgrade.
    const config = withDefaults(type.manifest.schema.connection, instance.config);
    return { instance: { ...instance, config }, type };
  });

/** Tells watchers how the instance stands now. */
export const announceInstance = async (context: JobContext, instanceId: string): Promise<void> => {
  const instance = await context.store.read(() => findInstance(instanceId));
  if (!instance) return;
  await context.announce({
    type: "integration_instance.updated",
    instanceId,
    typeId: instance.typeId,
    state: instance.state,
  });
};
