/** One round: mixed jobs are asked for, one fault strikes in their midst, and when all is over everything is judged. */
import { setTimeout as pause } from "node:timers/promises";
import { chanceFrom } from "../../kit/random.ts";
import { until } from "../../kit/system.ts";
import { leftovers, watchProcesses } from "./belongings.ts";
import { getAccepted } from "./client.ts";
import type { Effect } from "./device.ts";
import { type Errand, type Mix, mixedErrands } from "./errand.ts";
import type { Fault, Pace } from "./fault.ts";
import { judge, type SeenJob, type Verdict } from "./judge.ts";
import { shelfId } from "./pack.ts";
import type { Stack } from "./stack.ts";
import { replay, type Watcher, watch } from "./watcher.ts";

export interface RoundOptions {
  /** The same one gives the same errands in the same order and at the same times, the same moment, the same victims. */
  readonly seed: string;
  readonly mix: Mix;
  /** The jobs are asked for within this time, and the fault strikes within it. */
  readonly spanMs: number;
  readonly pace: Pace;
  /** Until then everything must be settled. */
  readonly patienceMs: number;
}

export interface Round {
  readonly verdict: Verdict;
  readonly jobs: number;
  /** From the end of the fault until the last job that was open in it had settled. */
  readonly recoveryMs: number;
  readonly states: Readonly<Record<string, number>>;
}

interface Followed {
  readonly errand: Errand;
  readonly jobId: string;
  readonly watcher: Watcher;
  readonly acceptedAt: number;
}

interface JobView {
  readonly state: string;
  readonly error: { readonly code: string; readonly detail: string } | null;
}

const openStates = ["queued", "running", "retrying"] as const;

const unsettledNow = async ({ system }: Stack): Promise<string[]> => {
  const lists = await Promise.all(
    openStates.map((state) =>
      system.call<{ items: { id: string; kind: string }[] }>("GET", `/api/jobs?state=${state}&limit=500`),
    ),
  );
  return lists.flatMap(({ body }, index) => body.items.map(({ id, kind }) => `${kind} ${id} is ${openStates[index]}`));
};

/** Nothing is open, also of what nobody asked for, such as tests after an upgrade; what is still open in the end. */
const untilQuiet = async (stack: Stack, deadline: number): Promise<string[]> => {
  for (;;) {
    const open = await unsettledNow(stack).catch((error: unknown) => [`the jobs cannot be listed: ${String(error)}`]);
    if (open.length === 0 || performance.now() > deadline) return open;
    await pause(200);
  }
};

/** What the devices carried out from here on, in the words of an errand's `writes`. */
const effectsSince = ({ device, lab }: Stack) => {
  const [from, labFrom] = [device.effects.length, lab.writes.length];
  return (): Effect[] => [
    ...device.effects.slice(from),
    ...lab.writes.slice(labFrom).map(({ path, at }) => ({
      what: path.replace(/.*\/qemu\/(\d+)\/status\/(\w+)$/, "guest $1 $2"),
      at: at - performance.timeOrigin,
    })),
  ];
};

const lookAt = async (
  stack: Stack,
  { errand, jobId, watcher }: Followed,
  effects: readonly Effect[],
): Promise<SeenJob> => {
  const { system } = stack;
  const { status, body } = await system.call<JobView>("GET", `/api/jobs/${jobId}`);
  const journal = await system.call<{ items: unknown[] }>("GET", `/api/jobs/${jobId}/journal`);
  const { writes, meetsDevice } = errand;
  const own = writes === undefined ? [] : effects.filter(({ what }) => what.startsWith(writes.prefix));
  const { doneAt } = watcher;
  return {
    id: jobId,
    name: errand.name,
    state: status === 200 ? body.state : null,
    ...(body.error ? { error: body.error } : {}),
    ...(writes === undefined ? {} : { writes }),
    meetsDevice,
    effects: own.map(({ what }) => what),
    late: own.filter(({ at }) => doneAt !== null && at > doneAt).map(({ what }) => what),
    journalled: journal.body.items?.length ?? 0,
    watched: watcher.lines,
    replayed: await replay(system, jobId),
  };
};

interface TypeView {
  readonly id: string;
  readonly status: string;
  readonly release: { readonly digest: string };
}

/** Each type is whole: valid, with one active release, which is one of those that were installed; and it works. */
const wrongReleases = async ({ system, shelf, counting, proxmox }: Stack): Promise<string[]> => {
  const { body: types } = await system.call<TypeView[]>("GET", "/api/integrations/types");
  const wrong: string[] = [];
  for (const { id, status, release } of types) {
    if (status !== "valid") wrong.push(`the type ${id} is ${status}`);
    if (id !== shelfId) continue;
    const { body } = await system.call<{ items: { digest: string; status: string }[] }>(
      "GET",
      `/api/integrations/types/${id}/releases`,
    );
    const active = body.items.filter((one) => one.status === "valid").map(({ digest }) => digest);
    if (active.length !== 1 || active[0] !== release.digest)
      wrong.push(`${id} runs ${release.digest}, active are ${active}`);
  }
  for (const instance of [shelf, counting[0], proxmox]) {
    const { status, body } = await system.call("POST", `/api/integrations/instances/${instance}/test`, undefined, {
      prefer: "wait=30",
    });
    if (status !== 200) wrong.push(`a test afterwards answered ${status} ${JSON.stringify(body)}`);
  }
  return wrong;
};

/** What is on its way out gets a moment. */
const untilNone = async (look: () => string[], ms: number): Promise<string[]> => {
  for (const deadline = performance.now() + ms; ; await pause(200)) {
    const found = look();
    if (found.length === 0 || performance.now() > deadline) return found;
  }
};

const tally = (values: readonly string[]): Record<string, number> => {
  const counts: Record<string, number> = {};
  for (const value of values) counts[value] = (counts[value] ?? 0) + 1;
  return counts;
};

/** The clients of one round: each asks until it is accepted, and watches what it asked for. */
const startClients = (stack: Stack, patienceMs: number, stop: AbortSignal) => {
  const followed = new Map<string, Followed>();
  const refusals: string[] = [];
  const underWay = new Set<Promise<void>>();
  const send = async (errand: Errand): Promise<void> => {
    const outcome = await getAccepted(stack.system, errand, patienceMs);
    if ("refusal" in outcome) return void refusals.push(outcome.refusal);
    const { jobId } = outcome;
    // A refresh joins one that is open: then two clients have one job.
    if (followed.has(jobId)) return;
    followed.set(jobId, { errand, jobId, watcher: watch(stack.system, jobId, stop), acceptedAt: performance.now() });
  };
  return {
    refusals,
    ask(errand: Errand): void {
      const asking: Promise<void> = send(errand).finally(() => underWay.delete(asking));
      underWay.add(asking);
    },
    errandOf: (jobId: string) => followed.get(jobId)?.errand,
    hasHeard: (words: string): boolean =>
      [...followed.values()].some(({ watcher }) =>
        watcher.lines.some(({ data }) => String(data["message"] ?? "").includes(words)),
      ),
    async untilAnswered(): Promise<readonly Followed[]> {
      await Promise.all(underWay);
      return [...followed.values()];
    },
  };
};

type Clients = ReturnType<typeof startClients>;

const askAll = async (stack: Stack, { ask }: Clients, { seed, mix, spanMs }: RoundOptions): Promise<void> => {
  const chance = chanceFrom(seed, "errands");
  const errands = await mixedErrands(stack, chance, mix);
  const moments = errands.map(() => chance.below(spanMs)).sort((one, other) => one - other);
  const startedAt = performance.now();
  for (const [index, errand] of errands.entries()) {
    await pause(Math.max(0, startedAt + (moments[index] ?? 0) - performance.now()));
    ask(errand);
  }
};

/** Answers when it was over. */
const strikeWithin = async (stack: Stack, fault: Fault, clients: Clients, options: RoundOptions): Promise<number> => {
  const { seed, spanMs, pace } = options;
  const chance = chanceFrom(seed, "fault");
  await pause(Math.floor(spanMs / 5) + chance.below(Math.floor((spanMs * 3) / 5)));
  await fault.strike(stack, { chance, pace, ...clients });
  return performance.now();
};

const isReady = async ({ system }: Stack): Promise<true | undefined> =>
  (await fetch(`${system.url}/readyz`).catch(() => null))?.ok ? true : undefined;

export const runRound = async (stack: Stack, fault: Fault, options: RoundOptions): Promise<Round> => {
  const processes = watchProcesses(stack);
  const stop = new AbortController();
  const clients = startClients(stack, options.patienceMs, stop.signal);
  const effects = effectsSince(stack);
  try {
    const [overAt] = await Promise.all([strikeWithin(stack, fault, clients, options), askAll(stack, clients, options)]);
    const followed = await clients.untilAnswered();
    const deadline = performance.now() + options.patienceMs;
    const patience = pause(options.patienceMs, undefined, { signal: stop.signal }).catch(() => undefined);
    await Promise.race([Promise.all(followed.map(({ watcher }) => watcher.ended)), patience]);
    await until(() => isReady(stack), "the system to be ready again", 60_000);
    const unsettled = await untilQuiet(stack, deadline);
    const landed = effects();
    const jobs = await Promise.all(followed.map((one) => lookAt(stack, one, landed)));
    const verdict = judge({
      jobs,
      refusals: clients.refusals,
      unsettled,
      releases: await wrongReleases(stack),
      orphans: await untilNone(() => processes.orphans(), 10_000),
      leftovers: await untilNone(() => leftovers(stack), 15_000),
      mayFail: fault.mayFail === true,
    });
    const hit = followed.filter(({ acceptedAt }) => acceptedAt < overAt);
    const last = Math.max(overAt, ...hit.map(({ watcher }) => watcher.doneAt ?? performance.now()));
    return {
      verdict,
      jobs: jobs.length,
      recoveryMs: last - overAt,
      states: tally(jobs.map(({ state, error }) => (error ? `${state} ${error.code}` : String(state)))),
    };
  } finally {
    stop.abort();
    processes.stop();
  }
};
