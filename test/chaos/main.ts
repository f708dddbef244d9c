/** `npm run chaos -- [--runs N] [--fault name] [--seed n] [--json]`: each fault in the midst of mixed jobs, and one table. */
import { parseArgs } from "node:util";
import { allFaults } from "./faults/all.ts";
import { fullMix } from "./kit/errand.ts";
import { type Fault, fullPace } from "./kit/fault.ts";
import { charges } from "./kit/judge.ts";
import { isAllClean, jsonOf, type Tried, tableOf } from "./kit/report.ts";
import { type Round, runRound } from "./kit/round.ts";
import { type Stack, startStack } from "./kit/stack.ts";

const usage = `Usage: npm run chaos -- [--runs N] [--fault NAME ...] [--seed N] [--json] [--log]
Faults (a part of a name is enough; several may be asked for):
${allFaults.map(({ name }) => `  ${name}`).join("\n")}
`;

/** What is killed again and again is started again later and later: now and then a stack is made anew. */
const roundsPerStack = 5;
const spanMs = 4_000;
const patienceMs = 90_000;

const { values } = parseArgs({
  options: {
    runs: { type: "string", default: "1" },
    fault: { type: "string", multiple: true, default: [] },
    seed: { type: "string" },
    json: { type: "boolean", default: false },
    log: { type: "boolean", default: false },
    help: { type: "boolean", default: false },
  },
});

const say = (line: string): void => void process.stderr.write(`${line}\n`);
const refuse = (reason: string): never => {
  process.stderr.write(`${reason}\n${usage}`);
  process.exit(2);
};
const whole = (name: string, text: string): number =>
  /^\d{1,9}$/.test(text) ? Number(text) : refuse(`Expected a whole number for --${name}, got "${text}".`);

const tell = (fault: Fault, number: number, { jobs, recoveryMs, verdict, states }: Round): void => {
  say(
    `${fault.name}, run ${number}: ${jobs} jobs, ${JSON.stringify(states)}, recovered in ${(recoveryMs / 1000).toFixed(1)} s`,
  );
  for (const charge of charges) for (const finding of verdict[charge]) say(`  ${charge.toUpperCase()}: ${finding}`);
};

interface Trial {
  readonly fault: Fault;
  readonly seed: string;
  readonly rounds: Round[];
  readonly broken: string[];
}

/** Ends what a person who loses patience would leave behind. */
const ending = new Set<Stack>();
let isLeaving = false;
for (const name of ["SIGINT", "SIGTERM"] as const) {
  process.on(name, () => {
    if (isLeaving) return;
    isLeaving = true;
    void Promise.allSettled([...ending].map((stack) => stack.dispose())).then(() => process.exit(130));
  });
}

const end = async (stack: Stack): Promise<void> => {
  if (values.log) say(stack.system.output());
  ending.delete(stack);
  await stack.dispose();
};

/** Some rounds on one stack; a round that could not be judged ends them. */
const tryOnce = async ({ fault, seed, rounds, broken }: Trial, most: number): Promise<void> => {
  let stack: Stack | null = null;
  try {
    stack = await startStack(fault.shape, seed);
    ending.add(stack);
    for (let number = 0; number < most; number += 1) {
      const options = { seed: `${seed} ${rounds.length + 1}`, mix: fullMix, spanMs, pace: fullPace, patienceMs };
      const round = await runRound(stack, fault, options);
      rounds.push(round);
      tell(fault, rounds.length, round);
    }
  } catch (error) {
    broken.push(error instanceof Error ? (error.stack ?? error.message) : String(error));
    say(`${fault.name}: BROKEN: ${broken.at(-1)}`);
  } finally {
    if (stack) await end(stack);
  }
};

const tryFault = async (fault: Fault, runs: number, seed: number): Promise<Tried> => {
  if (fault.missing !== undefined) return { fault: fault.name, rounds: [], broken: [], skipped: fault.missing };
  const trial: Trial = { fault, seed: `${seed} ${fault.name}`, rounds: [], broken: [] };
  for (let left = runs; left > 0; left -= roundsPerStack) await tryOnce(trial, Math.min(left, roundsPerStack));
  return { fault: fault.name, rounds: trial.rounds, broken: trial.broken };
};

if (values.help) {
  process.stdout.write(usage);
  process.exit(0);
}
const runs = whole("runs", values.runs);
const seed = values.seed === undefined ? Math.floor(Math.random() * 1e9) : whole("seed", values.seed);
const chosen = allFaults.filter(
  ({ name }) => values.fault.length === 0 || values.fault.some((part) => name.includes(part)),
);
if (chosen.length === 0) refuse(`Expected a fault of the table, got ${values.fault.join(", ")}.`);
say(`seed ${seed}`);
const tried: Tried[] = [];
for (const fault of chosen) tried.push(await tryFault(fault, runs, seed));
process.stdout.write(values.json ? `${JSON.stringify(jsonOf(seed, tried), null, 2)}\n` : `${tableOf(tried)}\n`);
for (const { fault, skipped } of tried)
  if (skipped !== undefined) say(`Not tried, hence not clean: ${fault}: ${skipped}`);
process.exit(isAllClean(tried) ? 0 : 1);
