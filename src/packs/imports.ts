/** What a driver imports, as far as one sees it without running it: imports that no sandbox allows are named here. */
import { isBuiltin, stripTypeScriptTypes } from "node:module";
import { posix } from "node:path";
import type { PackFile } from "../model/integration-type.ts";

/** An import that cannot work in a sandbox, at its place in the author's source. */
export interface ForbiddenImport {
  readonly specifier: string;
  readonly file: string;
  readonly line: number;
  readonly message: string;
}

const network = "a driver has no network of its own: ask the device through this.transports";
const processes = "a driver starts no processes and no threads: ask the runner through this.transports";
const absent = "a sandbox does not have it";

const reasonFor = (names: readonly string[], reason: string): [string, string][] => names.map((name) => [name, reason]);

/** Modules of Node that can do nothing in a sandbox, and what to use instead. Reading the pack's own files works. */
const reasons: ReadonlyMap<string, string> = new Map([
  ...reasonFor(["net", "tls", "dgram", "http", "https", "http2", "dns", "dns/promises", "quic"], network),
  ...reasonFor(["child_process", "cluster", "worker_threads"], processes),
  ...reasonFor(["inspector", "inspector/promises", "repl", "sqlite", "trace_events", "wasi"], absent),
]);

const blank = (text: string): string => text.replaceAll(/[^\n]/g, " ");

/** Comments and templates become blanks; lines stay where they were. What is left open ends with its line or the file. */
const withoutComments = (source: string): string =>
  source.replaceAll(
    /("(?:\\[\s\S]?|[^"\\\n])*(?:"|(?=\n)|$)|'(?:\\[\s\S]?|[^'\\\n])*(?:'|(?=\n)|$))|`(?:\\[\s\S]?|[^`\\])*(?:`|$)|\/\*[\s\S]*?(?:\*\/|$)|\/\/[^\n]*/g,
    (text, literal: string | undefined) => literal ?? blank(text),
  );

const statement = /(?:^|[;}\n])[ \t]*(?:import|export)\b\s*(?:[\w$*{][^;"'()]{0,1000}?\bfrom\s*)?["']([^"'\n]+)["']/g;
const dynamic = /\bimport\(\s*["']([^"'\n]+)["']/g;
/** No driver is so long; what is longer is loaded all the same, and says itself what it lacks. */
const mostBytes = 2 * 1024 * 1024;

interface FoundImport {
  readonly specifier: string;
  readonly line: number;
}

/** Types are taken out first: what is imported as a type only is not imported. */
const plainSource = ({ path, bytes }: PackFile): string => {
  const source = Buffer.from(bytes).toString("utf8");
  if (!/\.m?ts$/.test(path)) return source;
  try {
    return stripTypeScriptTypes(source);
  } catch {
    return ""; // Loading it says what is wrong with it, and where.
  }
};

const importsIn = (file: PackFile): FoundImport[] => {
  const source = withoutComments(plainSource(file));
  return [statement, dynamic].flatMap((pattern) =>
    [...source.matchAll(pattern)].flatMap((match) => {
      const [text, specifier = ""] = match;
      // Of `{ type Socket }` nothing is left.
      if (/\{[\s,]*\}\s*from\s*["']/.test(text)) return [];
      const at = match.index + text.lastIndexOf(specifier);
      return [{ specifier, line: source.slice(0, at).split("\n").length }];
    }),
  );
};

const messageFor = (specifier: string): string | undefined => {
  if (specifier === "switchyard/sdk" || /^(\.{0,2}\/|file:|data:)/.test(specifier)) return undefined;
  const reason = reasons.get(specifier.replace(/^node:/, ""));
  if (reason !== undefined) return `"${specifier}" cannot be used: ${reason}`;
  if (isBuiltin(specifier)) return undefined;
  return `expected an import of "switchyard/sdk", a node: module or a file of the pack, got "${specifier}"`;
};

/** The file that a relative import means; types may be stripped or not. */
const follow = (from: string, specifier: string, files: ReadonlyMap<string, PackFile>): PackFile | undefined => {
  const path = posix.normalize(posix.join(posix.dirname(from), specifier));
  const other = path.endsWith("js") ? path.replace(/js$/, "ts") : path.replace(/ts$/, "js");
  return files.get(path) ?? files.get(other);
};

interface PlacedImport extends FoundImport {
  readonly file: string;
}

/** The imports of a module and of all that it imports in turn. */
const importsFrom = (entry: string, pack: readonly PackFile[]): PlacedImport[] => {
  const files = new Map(pack.map((file) => [file.path, file]));
  const reached = new Set([files.get(entry)].filter((file) => file !== undefined));
  const found: PlacedImport[] = [];
  let bytes = 0;
  // A set hands out what is added while it is gone through.
  for (const file of reached) {
    bytes += file.bytes.length;
    if (bytes > mostBytes) break;
    const own = importsIn(file);
    found.push(...own.map((one) => ({ ...one, file: file.path })));
    for (const { specifier } of own.filter((one) => one.specifier.startsWith("."))) {
      const next = follow(file.path, specifier, files);
      if (next !== undefined) reached.add(next);
    }
  }
  return found;
};

/** Every import of a module, and of all that it imports in turn, which a sandbox does not allow. */
export const forbiddenImports = (entry: string, pack: readonly PackFile[]): ForbiddenImport[] =>
  importsFrom(entry, pack).flatMap((found) => {
    const message = messageFor(found.specifier);
    return message === undefined ? [] : [{ ...found, message }];
  });
