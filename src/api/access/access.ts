/** The one place that says who may do what: by role, and by the instances a token sees. */
import { SwitchyardError } from "../../errors.ts";
import type { Instance } from "../../model/instance.ts";
import type { Job } from "../../model/job.ts";
import { hasRole, type Principal, type Role, seesInstance } from "../../model/principal.ts";
import { findInstance } from "../../store/instances.ts";
import { findJob } from "../../store/jobs.ts";
import type { Store } from "../../store/store.ts";

/** @throws SwitchyardError `forbidden` */
export const authorise = (principal: Principal, needed: Role): void => {
  if (hasRole(principal, needed)) return;
  throw new SwitchyardError("forbidden", {
    detail: `This needs the role ${needed}; the token ${principal.name} has ${principal.role}. Ask with another token.`,
  });
};

/**
 * What concerns every instance (packs, tokens, the audit log) is not for a token that is limited to some.
 * @throws SwitchyardError `forbidden`
 */
export const requireUnlimited = (principal: Principal): void => {
  if (principal.instances === null) return;
  throw new SwitchyardError("forbidden", {
    detail: `This concerns all instances; the token ${principal.name} is limited to some. Ask with another token.`,
  });
};

/** What has no instance (packs) is not for a token that is limited to instances. */
const seesJob = (principal: Principal, job: { readonly subject: { readonly instanceId?: string } }): boolean =>
  seesSubject(principal, job.subject.instanceId);

export const seesSubject = (principal: Principal, instanceId: string | undefined): boolean =>
  instanceId === undefined ? principal.instances === null : seesInstance(principal, instanceId);

const missing = (noun: string, id: string): SwitchyardError =>
  new SwitchyardError("not_found", { detail: `There is no ${noun} ${JSON.stringify(id.slice(0, 100))}.` });

/** @throws SwitchyardError `not_found` also when the caller may not know of it. */
export const readJob = async (store: Store, principal: Principal, id: string): Promise<Job> => {
  const job = await store.read(() => findJob(id));
  if (!job || !seesJob(principal, job)) throw missing("job", id);
  return job;
};

/** @throws SwitchyardError `not_found` also when the caller may not know of it. */
export const readInstance = async (store: Store, principal: Principal, id: string): Promise<Instance> => {
  const instance = seesInstance(principal, id) ? await store.read(() => findInstance(id)) : undefined;
  if (!instance) throw missing("instance", id);
  return instance;
};

export const notFound = missing;
