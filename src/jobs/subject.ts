/** What a job is about: the instance and its type, as they are now. */
import { SwitchyardError } from "../errors.ts";
import type { Instance } from "../model/instance.ts";
import type { IntegrationType } from "../model/integration-type.ts";
import { withDefaults } from "../model/schema-defaults.ts";
import { findInstance } from "../store/instances.ts";
import { findSubject, type SubjectRows } from "../store/subject.ts";
import type { JobContext } from "./context.ts";

export interface JobSubject {
  readonly instance: Instance;
  readonly type: IntegrationType;
}

const requireSubject = ({ instance, type }: SubjectRows, instanceId: string): JobSubject => {
  if (!instance)
    throw new SwitchyardError("not_found", { detail: `The instance ${instanceId} does not exist any more.` });
  const isGone = instance.state === "type_unavailable" || type === undefined || type.status === "unavailable";
  if (isGone) {
    throw new SwitchyardError("type_unavailable", {
      detail: `The integration type ${instance.typeId} is not installed; install it again and test the instance.`,
    });
  }
  // Stored is what was given: a default is the manifest's, and follows it through an upgrade.
  const config = withDefaults(type.manifest.schema.connection, instance.config);
  return { instance: { ...instance, config }, type };
};

/** As it was when the job was claimed, or as it is now. @throws SwitchyardError `not_found` or `type_unavailable`. */
export const readSubject = async ({ claimed, store }: JobContext, instanceId: string): Promise<JobSubject> => {
  const isKnown = claimed?.instance?.id === instanceId;
  return requireSubject(isKnown ? claimed : await store.read(() => findSubject(instanceId)), instanceId);
};

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
