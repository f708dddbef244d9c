/** Which modules a pack may import, and how they are found: its own files, Node's own modules and the sdk. */
import type { LoadHookSync, ResolveHookSync } from "node:module";
import { fs, nodeModule, url as urls } from "./builtins.ts";
import { type Location, locateImport } from "./location.ts";

/** An import that leads nowhere; it knows its own place. */
export class ImportFault extends Error {
  readonly location: Location;

  constructor(message: string, location: Location) {
    super(message);
    this.name = "ImportFault";
    this.location = location;
  }
}

export interface PackModules {
  readonly packDir: string;
  /** URL of the folder, with a slash at its end. */
  readonly packUrl: string;
  readonly sdkUrl: string;
}

/** Types are stripped at install, beside the source or in its place: `./x.ts` finds `./x.js` first. */
const candidates = (path: string): readonly string[] => {
  const match = /^(.*)\.(m?)ts$/.exec(path);
  return match === null ? [path] : [`${match[1]}.js`, `${match[1]}.mjs`, path];
};

const findFile = (path: string): string | undefined => candidates(path).find((candidate) => fs.existsSync(candidate));

const importer = (pack: PackModules, parentUrl: string): string =>
  decodeURIComponent(parentUrl.slice(pack.packUrl.length).replace(/\?.*$/, ""));

/** Told of each import that asks for more than a pack may have. */
type OnRefused = (specifier: string) => void;

const resolveRelative = (
  pack: PackModules,
  [specifier, parentUrl]: readonly [string, string],
  onRefused: OnRefused,
): string => {
  const url = new URL(specifier, parentUrl);
  const at = () => locateImport(pack.packDir, importer(pack, parentUrl), specifier);
  if (!url.href.startsWith(pack.packUrl)) {
    onRefused(specifier);
    throw new ImportFault(`Expected an import of the pack's own files, got "${specifier}", which lies outside.`, at());
  }
  const file = findFile(urls.fileURLToPath(url));
  if (file === undefined)
    throw new ImportFault(`Expected a file of the pack, got "${specifier}", which is absent.`, at());
  return urls.pathToFileURL(file).href;
};

const resolverOf =
  (pack: PackModules, onRefused: OnRefused): ResolveHookSync =>
  (specifier, context, next) => {
    if (specifier === "switchyard/sdk") return { url: pack.sdkUrl, format: "module", shortCircuit: true };
    const parentUrl = context.parentURL ?? "";
    if (nodeModule.isBuiltin(specifier) || !parentUrl.startsWith(pack.packUrl)) return next(specifier, context);
    if (/^(\.{0,2}\/|file:)/.test(specifier)) {
      return { url: resolveRelative(pack, [specifier, parentUrl], onRefused), shortCircuit: true };
    }
    // A package that is missing is a mistake; a module that Node has, or an address, is a wish.
    if (/^[a-z][a-z0-9+.-]*:/.test(specifier)) onRefused(specifier);
    const at = locateImport(pack.packDir, importer(pack, parentUrl), specifier);
    throw new ImportFault(
      `Expected an import of "switchyard/sdk", a node: module or a file of the pack, got "${specifier}".`,
      at,
    );
  };

const formats: Readonly<Record<string, string>> = { cjs: "commonjs", json: "json" };

const loaderOf =
  (pack: PackModules, onLoad: (path: string) => void): LoadHookSync =>
  (url, context, next) => {
    if (!url.startsWith(pack.packUrl)) return next(url, context);
    const path = urls.fileURLToPath(url.replace(/[?#].*$/, ""));
    const source = fs.readFileSync(path, "utf8");
    onLoad(path);
    const extension = path.slice(path.lastIndexOf(".") + 1);
    return {
      format: formats[extension] ?? "module",
      source: /^m?ts$/.test(extension) ? nodeModule.stripTypeScriptTypes(source) : source,
      shortCircuit: true,
    };
  };

/** From here on the process imports as a pack may. Tells which file of the pack was loaded last, relative to it. */
export const registerPackModules = (pack: PackModules, onRefused: OnRefused): (() => string | null) => {
  let last: string | null = null;
  const onLoad = (path: string): void => {
    last = path.slice(pack.packDir.length + 1);
  };
  nodeModule.registerHooks({ resolve: resolverOf(pack, onRefused), load: loaderOf(pack, onLoad) });
  return () => last;
};

/** The file of an entrypoint's module. */
export const findModule = (pack: PackModules, module: string): string | undefined =>
  ["js", "mjs", "ts"].map((extension) => `${pack.packDir}/${module}.${extension}`).find((path) => fs.existsSync(path));
