/** Whether a write lies within what the manifest lets a capability write. */
import { SwitchyardError } from "../errors.ts";
import type { Binding } from "../model/binding.ts";
import type { Endpoint } from "../model/endpoint.ts";
import type { Step } from "../model/plan.ts";
import type { WriteRights } from "./kind.ts";
import { headlineOf, kindFor } from "./kinds.ts";

const isAllowed = (step: Step, endpoint: Endpoint, binding: Binding, rights: WriteRights): boolean => {
  const entries = binding.writes[rights.capability?.id ?? ""];
  if (entries === undefined) return !binding.isDeclared && rights.capability !== undefined;
  const kind = kindFor(endpoint);
  const ours = entries.filter((entry) => (entry.transport ?? endpoint.name) === step.transport);
  const parts = kind.parts?.(step, endpoint) ?? [step];
  return ours.length > 0 && parts.every((part) => ours.some((entry) => kind.matchesWrite(part, entry, rights)));
};

/** @throws SwitchyardError `plan_deviation` when no entry of the capability's `writes[]` covers the step. */
export const checkWrite = (step: Step, endpoint: Endpoint, binding: Binding, rights: WriteRights): void => {
  if (isAllowed(step, endpoint, binding, rights)) return;
  const shown = headlineOf(step, endpoint, binding).slice(0, 200);
  throw new SwitchyardError("plan_deviation", {
    detail: `The write "${shown}" is not among those that the manifest allows ${rights.capability?.id ?? "this call"}: nothing was sent.`,
  });
};
