/** The table of error codes, and the one error that carries them. */

interface ErrorRow {
  /** HTTP status of a reply that carries this code. */
  readonly status: number;
  readonly title: string;
  /** Whether a job that failed with this code may be tried again by itself. */
  readonly retry: boolean;
}

const row = (status: number, title: string, retry = false): ErrorRow => ({ status, title, retry });

/** Every code a reply, a job or an event may carry. Codes are never renamed. */
export const errorTable = {
  // requests
  unauthorized: row(401, "No valid token came with the request"),
  forbidden: row(403, "The caller may not do this"),
  not_found: row(404, "There is no such thing"),
  method_not_allowed: row(405, "The path exists, but not for this method"),
  not_acceptable: row(406, "No answer in the asked media type"),
  unsupported_media_type: row(415, "The body has an unexpected media type"),
  validation_failed: row(400, "The request does not have the expected form"),
  payload_too_large: row(413, "The body is too large"),
  rate_limited: row(429, "Too many requests"),
  idempotency_conflict: row(409, "The idempotency key was used for another request"),
  last_admin_token: row(409, "Nobody could manage the system without this token"),
  ticket_invalid: row(401, "The ticket is unknown, used or expired"),
  queue_unavailable: row(503, "The queue cannot be reached", true),
  store_unavailable: row(503, "The store cannot be written", true),
  internal: row(500, "The runner made a mistake"),
  // authoring
  recording_invalid: row(400, "The file is not a usable recording"),
  recording_mismatch: row(502, "The driver asked for something that was not recorded"),
  // upkeep
  backup_failed: row(500, "The backup could not be written"),
  backup_invalid: row(400, "The file is not a usable backup"),
  restore_refused: row(409, "There is something already where the backup would go"),
  rotation_incomplete: row(409, "Not every process could take over the new master key"),
  // jobs
  job_settled: row(409, "The job is over"),
  job_not_settled: row(409, "The job is not over yet"),
  not_retryable: row(409, "A job in this state cannot be retried"),
  not_invertible: row(409, "There is no sure way to take this back"),
  job_cancelled: row(409, "The job was cancelled"),
  timed_out: row(504, "The job took longer than it may"),
  crash_loop: row(500, "The job lost its worker three times"),
  outcome_unknown: row(502, "A write was sent and its answer is not known"),
  // packs
  extension_not_int: row(400, "The file name does not end in .int"),
  archive_too_large: row(413, "The archive is larger than 10 MiB"),
  archive_invalid: row(400, "The archive is not a sound zip file"),
  archive_path_unsafe: row(400, "The archive holds an unsafe path"),
  archive_quota: row(400, "The archive unpacks to more than is allowed"),
  manifest_missing: row(400, "The archive holds no plugin.yaml"),
  manifest_invalid: row(400, "The manifest is not usable"),
  manifest_id_missing: row(400, "The manifest has no id"),
  pack_conflict: row(409, "Another content of this pack is installed"),
  consent_required: row(409, "The pack asks for permissions that an admin must grant"),
  pack_signature_invalid: row(400, "The signature of the pack does not hold"),
  pack_invalid: row(400, "The pack failed its validation"),
  no_earlier_release: row(409, "There is no earlier release to go back to"),
  sandbox_level_too_low: row(409, "The sandbox of this machine is weaker than required"),
  // instances
  type_not_usable: row(400, "The integration type is not usable"),
  type_unavailable: row(409, "The integration type of the instance is not installed"),
  config_invalid: row(400, "The configuration does not fit the connection schema"),
  name_taken: row(409, "The name is in use"),
  instance_busy: row(409, "A job of the instance is running"),
  needs_review: row(409, "The instance changed and was not tested since"),
  secret_unreadable: row(500, "A stored secret cannot be opened"),
  target_type_unknown: row(400, "The type does not declare this target type"),
  // actions
  capability_unsupported: row(400, "The type does not declare this capability"),
  verb_unsupported: row(400, "The capability does not declare this verb"),
  target_unsupported: row(400, "The capability does not declare this target type"),
  params_invalid: row(400, "The parameters do not fit the capability"),
  dry_run_unsupported: row(400, "The capability cannot be planned"),
  confirmation_required: row(400, "The verb is destructive and was not confirmed"),
  target_not_found: row(404, "The target does not exist on the device"),
  action_conflict: row(409, "The same action is open with other parameters"),
  plan_stale: row(409, "The device changed since the plan was made"),
  plan_mismatch: row(409, "The plan is for something else"),
  plan_expired: row(409, "The plan is too old"),
  plan_used: row(409, "The plan has served a job already"),
  plan_blocked: row(409, "A precondition of the plan does not hold"),
  undo_conflict: row(409, "What the action left is not there to be taken back"),
  plan_deviation: row(502, "The driver tried a write that is not allowed"),
  plan_incomplete: row(502, "The driver left steps of the plan unsent"),
  read_only_violation: row(502, "The driver tried to write while it may only read"),
  // driver and transports
  driver_failed: row(502, "The driver failed"),
  response_invalid: row(502, "The driver answered with another shape than promised"),
  endpoint_not_allowed: row(502, "That is no endpoint that the instance may reach"),
  handle_misplaced: row(502, "A secret was put where it may not stand"),
  response_too_large: row(502, "The device answered with more than is allowed"),
  sandbox_crashed: row(502, "The sandbox ended unexpectedly", true),
  sandbox_out_of_memory: row(502, "The sandbox used more memory than it may"),
  dns_failed: row(502, "The host name cannot be resolved"),
  connection_refused: row(502, "Nothing listens on that port"),
  network_unreachable: row(502, "The network cannot be reached"),
  tls_untrusted: row(502, "The certificate is not trusted"),
  tls_name_mismatch: row(502, "The certificate is for another name"),
  auth_failed: row(502, "The device does not accept the credentials"),
  permission_denied_remote: row(502, "The device denies the permission"),
  host_key_mismatch: row(502, "The host key changed"),
  host_key_unknown: row(502, "The host key is not known"),
  protocol_mismatch: row(502, "Something else answers on that port"),
  device_error: row(502, "The device answered with a failure of its own"),
  connect_timeout: row(504, "The device did not accept a connection in time"),
  no_snmp_answer: row(504, "No SNMP answer: the host is down or the community is wrong"),
  response_timeout: row(504, "The device did not answer in time"),
  program_missing: row(409, "A program that the pack needs is not installed"),
} as const satisfies Record<string, ErrorRow>;

export type ErrorCode = keyof typeof errorTable;

/** One problem with one place of the input: `pointer` is a JSON Pointer, `message` says "expected ... got ...". */
export interface FieldProblem {
  readonly pointer: string;
  readonly message: string;
  /** Where that is in a text that a person wrote, from 1. */
  readonly line?: number;
  readonly column?: number;
}

interface ErrorFacts {
  /** One sentence for a person: what was seen and what to do next. */
  readonly detail?: string;
  /** Facts for a program; becomes `details` of a job's error and `members` of a problem reply. */
  readonly details?: Readonly<Record<string, unknown>>;
  readonly errors?: readonly FieldProblem[];
  readonly cause?: unknown;
}

/** The only error that is shown to a user. Anything else becomes `internal` (or `driver_failed`) at the edge. */
export class SwitchyardError extends Error {
  readonly code: ErrorCode;
  readonly details: Readonly<Record<string, unknown>>;
  readonly errors: readonly FieldProblem[];

  constructor(code: ErrorCode, options: ErrorFacts = {}) {
    super(options.detail ?? errorTable[code].title, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = "SwitchyardError";
    this.code = code;
    this.details = options.details ?? {};
    this.errors = options.errors ?? [];
  }

  get status(): number {
    return errorTable[this.code].status;
  }

  get title(): string {
    return errorTable[this.code].title;
  }
}

/** Whether a string is one of our codes: used where codes come from outside (a driver, a stored row). */
export const isErrorCode = (value: unknown): value is ErrorCode =>
  typeof value === "string" && Object.hasOwn(errorTable, value);

/** What the system says of a disk that takes nothing more, and of nothing else. */
const diskWords: Readonly<Record<string, string>> = {
  ENOSPC: "no space is left on it",
  EDQUOT: "its quota is used up",
  EROFS: "it is read-only",
};

const asDiskFault = (thrown: unknown): SwitchyardError | undefined => {
  if (!(thrown instanceof Error) || !("code" in thrown) || !("syscall" in thrown)) return undefined;
  const words = diskWords[String(thrown.code)];
  if (words === undefined) return undefined;
  const detail = `The disk of the data folder cannot be written: ${words} (${thrown.code}). Make room, then try again.`;
  return new SwitchyardError("store_unavailable", { detail, cause: thrown });
};

/** Any thrown value as a SwitchyardError; what is not ours becomes `fallback` without its inner words. */
export const asSwitchyardError = (thrown: unknown, fallback: ErrorCode = "internal"): SwitchyardError =>
  thrown instanceof SwitchyardError
    ? thrown
    : (asDiskFault(thrown) ?? new SwitchyardError(fallback, { cause: thrown }));

/** Codes that a driver may give its job: the causes of a failed contact, and what only a driver can see. */
const driverCodes: ReadonlySet<string> = new Set<ErrorCode>([
  "params_invalid",
  "target_not_found",
  "response_invalid",
  "driver_failed",
  "dns_failed",
  "connection_refused",
  "network_unreachable",
  "tls_untrusted",
  "tls_name_mismatch",
  "auth_failed",
  "permission_denied_remote",
  "host_key_mismatch",
  "host_key_unknown",
  "protocol_mismatch",
  "device_error",
  "connect_timeout",
  "no_snmp_answer",
  "response_timeout",
  "program_missing",
]);

/** Whether a driver may say this of its job: other codes are the runner's own words. */
export const isDriverCode = (value: unknown): value is ErrorCode => typeof value === "string" && driverCodes.has(value);
