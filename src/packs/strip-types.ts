/** Takes the types out of a pack's TypeScript once, so that a sandbox need not load a compiler at each start. */
import { stripTypeScriptTypes } from "node:module";
import type { PackFile } from "../model/integration-type.ts";

const typescript = /^(.*)\.(m?)ts$/;
const declaration = /\.d\.m?ts$/;

/** Types become blanks: lines and columns stay where the author wrote them. */
const strip = (bytes: Uint8Array): Uint8Array | undefined => {
  try {
    return Buffer.from(stripTypeScriptTypes(Buffer.from(bytes).toString("utf8")));
  } catch {
    // Left as it is: loading it in the sandbox says what is wrong and where, if it is loaded at all.
    return undefined;
  }
};

/** The files and, beside each `x.ts`, an `x.js` without types, unless the pack brings one of its own. */
export const withoutTypes = (files: readonly PackFile[]): readonly PackFile[] => {
  const paths = new Set(files.map(({ path }) => path));
  const stripped = files.flatMap(({ path, bytes }): PackFile[] => {
    const match = declaration.test(path) ? null : typescript.exec(path);
    const target = match === null ? "" : `${match[1]}.${match[2]}js`;
    if (match === null || paths.has(target)) return [];
    const plain = strip(bytes);
    return plain === undefined ? [] : [{ path: target, bytes: plain }];
  });
  return [...files, ...stripped];
};
