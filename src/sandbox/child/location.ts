/** Where in the author's source something went wrong. */
import { fs, nodeModule } from "./builtins.ts";

/** A place in the pack; `file` is relative to its folder. */
export interface Location {
  readonly file: string;
  readonly line?: number;
}

/** The file as its author named it: what was stripped of its types is shown as its source. */
export const authored = (packDir: string, file: string): string => {
  const typed = file.replace(/\.(m?)js$/, ".$1ts");
  return typed !== file && fs.existsSync(`${packDir}/${typed}`) ? typed : file;
};

/** The first place of a stack that lies in the pack. */
export const locate = (thrown: unknown, packDir: string, packUrl: string): Location | null => {
  const stack = thrown instanceof Error && typeof thrown.stack === "string" ? thrown.stack : "";
  const start = stack.indexOf(packUrl);
  if (start < 0) return null;
  const match = /^([^\s:?()]+)(?:\?[^\s:()]*)?(?::(\d+))?/.exec(stack.slice(start + packUrl.length, start + 2_000));
  if (match?.[1] === undefined) return null;
  const file = authored(packDir, decodeURIComponent(match[1]));
  return match[2] === undefined ? { file } : { file, line: Number(match[2]) };
};

/** The line of a module that imports `specifier`. */
export const locateImport = (packDir: string, file: string, specifier: string): Location => {
  const lines = fs.readFileSync(`${packDir}/${file}`, "utf8").split("\n");
  const index = lines.findIndex((line) => line.includes(`"${specifier}"`) || line.includes(`'${specifier}'`));
  const name = authored(packDir, file);
  return index < 0 ? { file: name } : { file: name, line: index + 1 };
};

/** The same source as a script: what only a module may hold is blanked out, lines stay. */
const scriptOf = (source: string): string =>
  source
    .replace(/^import\b[^"']*["'][^"']*["'][^\n]*/gm, (text) => text.replace(/[^\n]/g, ""))
    .replace(/^export\s+(default\s+)?/gm, "");

const lineOf = (compile: () => unknown, isSame: (message: string) => boolean): number | undefined => {
  try {
    compile();
    return undefined;
  } catch (thrown) {
    const { stack = "", message } = thrown as Error;
    const line = /^[^\n]*:(\d+)\n/.exec(stack)?.[1];
    return line !== undefined && isSame(message) ? Number(line) : undefined;
  }
};

/** A syntax error in a module does not say where it is: two parsers that do are asked, the engine's own first. */
export const locateSyntax = (packDir: string, file: string, message: string): Location => {
  const source = fs.readFileSync(`${packDir}/${file}`, "utf8");
  const { Script } = process.getBuiltinModule("node:vm");
  const line =
    lineOf(
      () => new Script(scriptOf(source)),
      (found) => found === message,
    ) ??
    lineOf(
      () => nodeModule.stripTypeScriptTypes(source),
      () => true,
    );
  const name = authored(packDir, file);
  return line === undefined ? { file: name } : { file: name, line };
};

export const showLocation = ({ file, line }: Location): string => (line === undefined ? file : `${file}:${line}`);
