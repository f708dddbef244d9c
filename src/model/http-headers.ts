/** Headers of an http request: which of them a driver may set. */
import { SwitchyardError } from "../errors.ts";

const refused: ReadonlySet<string> = new Set([
  ...["host", "connection", "keep-alive", "content-length", "transfer-encoding", "te", "trailer", "upgrade", "expect"],
  ...["forwarded", "via", "x-method", "x-method-override", "x-host", "http2-settings"],
  ...["x-real-ip", "x-client-ip", "x-cluster-client-ip", "true-client-ip", "cf-connecting-ip"],
]);
/** Another target, another method or another sender than those that the runner checked. */
const refusedStarts = ["proxy-", "x-forwarded", "x-original-", "x-rewrite-", "x-override-", "x-http-"];

/** Some servers take `_` for `-`: `X_Forwarded_For` is judged as `x-forwarded-for`. */
const judgedName = (name: string): string => name.toLowerCase().replaceAll("_", "-");

const isRefused = (name: string): boolean => refused.has(name) || refusedStarts.some((start) => name.startsWith(start));

const notAllowed = (detail: string): SwitchyardError => new SwitchyardError("endpoint_not_allowed", { detail });

/** Throws when a header is not the driver's to set; `fromManifest` are the names (lower case) that the manifest sets. */
export const checkHeader = (name: string, value: string, fromManifest: readonly string[]): void => {
  if (!/^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}$/.test(name)) {
    throw notAllowed(`Expected a header name, got ${JSON.stringify(name.slice(0, 100))}.`);
  }
  if (/[^\t\u0020-\u007e\u0080-\u00ff]/.test(value)) {
    throw notAllowed(`The header ${name} holds a line end or another control character: nothing was sent.`);
  }
  const judged = judgedName(name);
  if (isRefused(judged))
    throw notAllowed(`The header ${name} is set by the runner alone: leave it out of the request.`);
  if (fromManifest.includes(judged)) {
    throw notAllowed(`The header ${name} is set by the manifest's transports block: leave it out of the request.`);
  }
};
