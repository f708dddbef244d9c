/** What the sandbox's refusal of a driver's own step means for the author: what is not there, and what to use instead. */

interface Denied {
  /** How many errors lie above it. */
  readonly depth: number;
  readonly permission: string;
  readonly resource: string;
}

const textOf = (value: unknown): string => (typeof value === "string" ? value.slice(0, 300) : "");

/** The refusal that an error is, or that lies at the bottom of it. */
export const deniedIn = (thrown: unknown): Denied | null => {
  let error = thrown;
  for (let depth = 0; depth < 5 && error instanceof Error; depth += 1) {
    const { code, permission, resource, cause } = error as Error & Record<string, unknown>;
    if (code === "ERR_ACCESS_DENIED") {
      const name = textOf(permission) || (/getaddrinfo|connect|listen|bind/.test(error.message) ? "Net" : "");
      return { depth, permission: name, resource: textOf(resource) };
    }
    error = cause;
  }
  return null;
};

const named = (resource: string, what: string): string => (resource === "" ? what : JSON.stringify(resource));

const sentences: Readonly<Record<string, (resource: string) => string>> = {
  Net: () =>
    "A driver has no network of its own: ask the device through this.transports (http, tcp ...), which the manifest declares.",
  FileSystemRead: (resource) =>
    `A driver reads no files but those of its own pack, and ${named(resource, "another")} is none: what it must know belongs into the instance's config.`,
  FileSystemWrite: (resource) =>
    `A driver writes no files, so ${named(resource, "this one")} was not written: keep what must stay with this.artifact.`,
  ChildProcess: () => "A driver starts no programs: ask the device through this.transports.",
  WorkerThreads: () => "A driver starts no threads: do the work in the call itself.",
};

/** The sentence for the author; null when the refusal explains itself. */
export const explain = (denied: Denied): string | null =>
  Object.hasOwn(sentences, denied.permission) ? (sentences[denied.permission]?.(denied.resource) ?? null) : null;
