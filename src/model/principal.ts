/** Who asks: a token, or the system on behalf of a schedule or a rule. */

export const roles = ["viewer", "operator", "admin"] as const;
export type Role = (typeof roles)[number];

export interface Principal {
  readonly kind: "token" | "system";
  /** Token id; for the system `system`. Idempotency keys are unique within it. */
  readonly id: string;
  readonly name: string;
  readonly role: Role;
  /** The instances a limited token sees; null = all. */
  readonly instances: readonly string[] | null;
  readonly scheduleId?: string;
  readonly ruleId?: string;
}

export const systemPrincipal = (name: string, scheduleId?: string): Principal => ({
  kind: "system",
  id: "system",
  name,
  role: "admin",
  instances: null,
  ...(scheduleId === undefined ? {} : { scheduleId }),
});

/** Whether the principal's role reaches the asked one. */
export const hasRole = (principal: Principal, needed: Role): boolean =>
  roles.indexOf(principal.role) >= roles.indexOf(needed);

/** Whether the principal may know of this instance at all. */
export const seesInstance = (principal: Principal, instanceId: string): boolean =>
  principal.instances === null || principal.instances.includes(instanceId);
