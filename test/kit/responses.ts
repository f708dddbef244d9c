/** Recorded answers of real systems, which lie beside the checkout; tests that need them skip without. */
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const folder = fileURLToPath(new URL("../../../shared/data/", import.meta.url));

export const hasRecorded = (name: string): boolean => existsSync(`${folder}${name}`);
export const readRecorded = (name: string): unknown => JSON.parse(readFileSync(`${folder}${name}`, "utf8"));
