/** The driver's class: loading its module once, and saying what went wrong when that fails. */
import type { DriverContext } from "../../sdk/driver.ts";
import { copyPlain } from "../plain.ts";
import type { ChildPlan } from "../wire.ts";
import { url } from "./builtins.ts";
import { authored, type Location, locate, locateSyntax } from "./location.ts";
import { findModule, ImportFault, type PackModules, registerPackModules } from "./modules.ts";

export type DriverClass = (new (context: DriverContext) => object) & { readonly handles?: unknown };

/** Why a module could not be loaded. */
export interface ImportProblem {
  readonly message: string;
  readonly location: Location | null;
}

export type LoadedDriver =
  | { readonly ok: true; readonly driver: DriverClass }
  | { readonly ok: false; readonly problem: ImportProblem };

const messageOf = (thrown: unknown): string => {
  if (!(thrown instanceof Error)) return String(thrown);
  return thrown.name === "ImportFault" ? thrown.message : `${thrown.name}: ${thrown.message}`;
};

const placeOf = (thrown: unknown, pack: PackModules, lastFile: string | null): Location | null => {
  if (thrown instanceof ImportFault) return thrown.location;
  const place = locate(thrown, pack.packDir, pack.packUrl);
  if (place !== null || lastFile === null || !(thrown instanceof SyntaxError)) return place;
  return locateSyntax(pack.packDir, lastFile, thrown.message);
};

const pickClass = (exports: Readonly<Record<string, unknown>>, name: string, file: string): LoadedDriver => {
  const found = Object.hasOwn(exports, name) ? exports[name] : undefined;
  if (typeof found === "function") return { ok: true, driver: found as DriverClass };
  const names = Object.keys(exports).join(", ") || "nothing";
  const message = `Expected ${file} to export a class ${name}, got: ${names}.`;
  return { ok: false, problem: { message, location: { file } } };
};

export const packModulesOf = (plan: ChildPlan): PackModules => ({
  packDir: plan.packDir,
  packUrl: `${url.pathToFileURL(plan.packDir).href}/`,
  sdkUrl: plan.sdkUrl,
});

/**
 * Imports the module and picks the class; `onRefused` hears of imports that a pack may not have, now and later.
 * Never throws; hangs when the module's top level does.
 */
export const loadDriver = async (plan: ChildPlan, onRefused: (specifier: string) => void): Promise<LoadedDriver> => {
  const pack = packModulesOf(plan);
  const [module = "", className = ""] = plan.entrypoint.split(":");
  const path = findModule(pack, module);
  if (path === undefined) {
    const message = `Expected ${module}.js, .mjs or .ts beside the manifest, found none.`;
    return { ok: false, problem: { message, location: null } };
  }
  const lastFile = registerPackModules(pack, onRefused);
  try {
    const exports = (await import(url.pathToFileURL(path).href)) as Readonly<Record<string, unknown>>;
    return pickClass(exports, className, authored(plan.packDir, path.slice(plan.packDir.length + 1)));
  } catch (thrown) {
    return { ok: false, problem: { message: messageOf(thrown), location: placeOf(thrown, pack, lastFile()) } };
  }
};

const methodsOn = (object: object): [string, number][] =>
  Object.entries(Object.getOwnPropertyDescriptors(object))
    .filter(([name, { value }]) => typeof value === "function" && name !== "constructor")
    .map(([name, { value }]) => [name, (value as { length: number }).length]);

const chainOf = (driver: DriverClass): object[] => {
  const chain: object[] = [];
  let link: unknown = driver.prototype;
  while (typeof link === "object" && link !== null && link !== Object.prototype) {
    chain.unshift(link);
    link = Object.getPrototypeOf(link);
  }
  return chain;
};

/** Methods that are fields (`m = async () => {}`) exist on objects only. */
const fieldsOf = (driver: DriverClass): [string, number][] => {
  const silent: DriverContext = { config: {}, secrets: {}, ask: () => Promise.reject(), emit: () => undefined };
  try {
    return methodsOn(new driver(silent));
  } catch {
    return [];
  }
};

/** What the class offers: methods with their number of declared parameters, and its `handles`. */
export const surfaceOf = (driver: DriverClass, base: object): unknown => {
  const inherited = chainOf(driver).filter((link) => link !== base);
  const handles = copyPlain(driver.handles);
  return {
    methods: Object.fromEntries([...inherited.flatMap(methodsOn), ...fieldsOf(driver)]),
    handles: handles.ok ? handles.value : null,
    importError: null,
  };
};
