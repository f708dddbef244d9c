/** Runs Lua scripts, which are how several keys change at once or not at all. */
import type { Redis } from "../redis.ts";

export interface Script {
  /** Unique among all scripts of a connection. */
  readonly name: string;
  readonly lua: string;
}

type Argument = string | number;
type Pipeline = ReturnType<Redis["pipeline"]>;
type Callable<R> = Readonly<Record<string, (keyCount: number, ...args: readonly Argument[]) => R>>;

const define = (redis: Redis, { name, lua }: Script): void => {
  if (!Object.hasOwn(redis, name)) redis.defineCommand(name, { lua });
};

const find = <R>(owner: unknown, { name }: Script): ((keyCount: number, ...args: readonly Argument[]) => R) => {
  const call = (owner as Callable<R>)[name];
  if (call === undefined) throw new TypeError(`The script ${name} is not defined on this connection.`);
  return call.bind(owner);
};

/** The keys are computed inside the scripts: Redis Cluster is not supported. */
export const runScript = (redis: Redis, script: Script, args: readonly Argument[]): Promise<unknown> => {
  define(redis, script);
  return find<Promise<unknown>>(redis, script)(0, ...args);
};

/** Runs one script many times in one pipeline, in order. @throws the first error any of them met. */
export const runScripts = async (
  redis: Redis,
  script: Script,
  calls: readonly (readonly Argument[])[],
): Promise<unknown[]> => {
  const [first, ...others] = calls;
  if (first !== undefined && others.length === 0) return [await runScript(redis, script, first)];
  define(redis, script);
  const pipeline = redis.pipeline();
  for (const args of calls) find<Pipeline>(pipeline, script)(0, ...args);
  const replies = (await pipeline.exec()) ?? [];
  return replies.map(([error, value]) => {
    if (error !== null) throw error;
    return value;
  });
};
