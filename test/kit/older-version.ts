/** Preloaded into a process of ours, it makes it an older version: one that does not know these kinds of jobs yet. */
import { catalog } from "../../src/jobs/catalog.ts";

for (const kind of (process.env["TEST_UNKNOWN_KINDS"] ?? "").split(",")) Reflect.deleteProperty(catalog, kind);
