/** Errors on the wire: RFC 9457 problem documents. */
import { errorTable, SwitchyardError } from "../../errors.ts";
import type { JobError } from "../../model/job.ts";
import { textReply } from "./reply.ts";

interface Place {
  /** Path of the request. */
  readonly instance: string;
  readonly jobId?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** The document: the error's details become members of their own, but never hide a standard one. */
const problemOf = (error: SwitchyardError, { instance, jobId }: Place): Record<string, unknown> => ({
  ...error.details,
  type: `/api/docs#${error.code}`,
  title: error.title,
  status: error.status,
  detail: error.message,
  instance,
  code: error.code,
  errors: error.errors,
  ...(jobId === undefined ? {} : { job_id: jobId }),
});

/** The caller must say who it is in these answers, and is told how. */
const challenge = (error: SwitchyardError): Record<string, string> => {
  if (error.status === 401) return { "www-authenticate": 'Bearer realm="switchyard"' };
  if (error.status === 429) return { "retry-after": String(error.details["retry_after_s"] ?? 60) };
  if (error.status === 503) return { "retry-after": "1" };
  return {};
};

export const problem = (error: SwitchyardError, place: Place): Response =>
  textReply(JSON.stringify(problemOf(error, place)), {
    status: error.status,
    type: "application/problem+json",
    headers: { ...challenge(error), ...place.headers },
  });

/** A job's recorded error as the error it was. */
export const errorOfJob = (error: JobError): SwitchyardError =>
  new SwitchyardError(error.code in errorTable ? error.code : "internal", {
    detail: error.detail,
    ...(error.errors && { errors: error.errors }),
    ...(error.details && { details: error.details }),
  });
