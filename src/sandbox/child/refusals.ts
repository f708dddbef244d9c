/** Names in the job what the walls refused its driver, also when the driver keeps silent about it. */
import { diagnostics } from "./builtins.ts";
import type { Location } from "./location.ts";

/** What Node's permission model guards. */
const guarded = ["fs", "net", "child", "worker", "addon", "inspector", "wasi", "ffi"];
/** Of one call; a driver that tries more is known well enough. */
const most = 50;

export interface Refusals {
  /** What happened, as far as it was not told in this call: `permission` is Node's word or the name of a function. */
  note(permission: string, resource: string): void;
  /** A new call: tells everything anew. */
  begin(): void;
  /** Where in the pack the last thing was tried; the errors of what goes on beside the driver do not tell. */
  place(): Location | null;
}

/** `say` is given one sentence for each thing that was refused; `locate` tells where in the pack a stack comes from. */
export const createRefusals = (
  say: (message: string, meta: { refused: string; resource: string }) => void,
  locate: (error: Error) => Location | null,
): Refusals => {
  let told = new Set<string>();
  let last: Location | null = null;
  const note = (permission: string, resource: string): void => {
    last = locate(new Error(permission)) ?? last;
    const key = `${permission} ${resource}`;
    if (told.size >= most || told.has(key)) return;
    told.add(key);
    const shown = resource === "" ? permission : `${permission} of ${JSON.stringify(resource)}`;
    say(`The sandbox refused ${shown}: a driver reaches nothing but its own files and what it asks the runner for`, {
      refused: permission,
      resource,
    });
  };
  return {
    note,
    begin: () => {
      told = new Set();
      last = null;
    },
    place: () => last,
  };
};

/** Hears what Node refuses. A driver can make itself deaf to that, but what was refused stays refused. */
export const hearRefusals = ({ note }: Refusals): void => {
  for (const name of guarded) {
    diagnostics.subscribe(`node:permission-model:${name}`, (message) => {
      const { permission, resource } = message as { permission: unknown; resource: unknown };
      note(String(permission), String(resource ?? "").slice(0, 500));
    });
  }
};
