/** The error a driver throws when it knows the cause, and the one its transports throw. */

/**
 * A failure with a code of the runner's table: `auth_failed`, `permission_denied_remote`, `target_not_found`,
 * `params_invalid`, `device_error`, `protocol_mismatch` ... Another code reaches the job as `driver_failed` with the same message.
 *
 * @example throw new DriverError("target_not_found", "There is no VM 100 on this cluster.", { vmid: 100 });
 */
export class DriverError extends Error {
  /** Of the runner's table of codes, `snake_case`. */
  readonly code: string;
  /** Plain JSON for programs; at most 16 KiB of it is kept. */
  readonly details: Readonly<Record<string, unknown>>;

  constructor(code: string, message: string, details: Readonly<Record<string, unknown>> = {}) {
    super(message);
    this.name = "DriverError";
    this.code = code;
    this.details = details;
  }
}
