/** An answer that is a failure, as the API gives it: a status with its own words in the status line. */

export class ApiError extends Error {
  readonly status: number;
  readonly errors: Readonly<Record<string, string>>;
  /** Failures of the proxy in front come without a body. */
  readonly hasBody: boolean;

  constructor(status: number, message: string, options: { errors?: Record<string, string>; bare?: boolean } = {}) {
    super(message);
    this.name = "ApiError";
    this.status = status;
    this.errors = options.errors ?? {};
    this.hasBody = options.bare !== true;
  }
}

export const invalidParameters = (errors: Record<string, string>): ApiError =>
  new ApiError(400, "Parameter verification failed.", { errors });
