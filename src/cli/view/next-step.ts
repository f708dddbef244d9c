/** What to do next, by the code of an error, in commands that work as they stand. */
import { shellWord } from "../../model/shell-word.ts";

/** The words that are known for the places in a line: what was typed, or what a job was for. */
export type Known = Readonly<Record<string, readonly string[]>>;

const anotherPlan = "Make a new plan and look at it again: npx switchyard plan <instance> <capability> <verb> <target>";
const otherWayIn = [
  "Change it with: npx switchyard edit <instance>",
  "Then look again: npx switchyard test <instance>",
];
const later = ["Try again in a moment; `npx switchyard doctor` shows what is wrong."];

/** `detail` has said the rest. A line whose places are not all known is left out. */
const nextSteps: Readonly<Record<string, readonly string[]>> = {
  unauthorized: ["Give a token with --token or SWITCHYARD_TOKEN; `npm start` prints where the admin token lies."],
  forbidden: ["`npx switchyard whoami` shows the role of your token; an admin can make another."],
  confirmation_required: [
    "Add --yes, or make a plan and apply it with --plan ID: npx switchyard plan <instance> <capability> <verb> <target>",
  ],
  needs_review: ["Test the instance first: npx switchyard test <instance>"],
  type_unavailable: ["Install its type again: npx switchyard install FILE.int, or a folder"],
  plan_stale: [anotherPlan],
  plan_expired: [anotherPlan],
  plan_used: [anotherPlan],
  plan_mismatch: ["This makes one that fits: npx switchyard plan <instance> <capability> <verb> <target>"],
  plan_blocked: [
    "Which precondition does not hold is shown by: npx switchyard plan <instance> <capability> <verb> <target>",
  ],
  consent_required: ["Look at the list, then install again with --consent (off a terminal: --consent --yes)."],
  pack_conflict: ["Raise its version, or add --replace."],
  config_invalid: [
    "What the type takes is shown by: npx switchyard add <type> --help",
    "What its type takes is shown by: npx switchyard edit <instance> --help",
  ],
  params_invalid: ["What it takes is shown by: npx switchyard <plan|run> <instance> <capability> --help"],
  instance_busy: ["What runs is shown by: npx switchyard jobs --instance <instance> --state running"],
  queue_unavailable: later,
  store_unavailable: later,
  rate_limited: ["Try again in a minute."],
  last_admin_token: ["Make another with `npx switchyard token create --role admin --name N`, or add --force."],
  undo_conflict: [
    "Another action brings the target where it shall be. What was done is shown by: npx switchyard show <job>",
  ],
  action_conflict: [
    "Follow the other job with: npx switchyard watch <other>",
    "Stop it with: npx switchyard cancel <other>",
  ],
  auth_failed: otherWayIn,
  dns_failed: otherWayIn,
  connection_refused: otherWayIn,
  connect_timeout: otherWayIn,
};

const place = /<([a-z|]+)>/g;

export const nextStepsFor = (code: string, known: Known): readonly string[] =>
  (nextSteps[code] ?? []).flatMap((line) => {
    const isKnown = [...line.matchAll(place)].every(([, name = ""]) => name in known);
    return isKnown ? [line.replaceAll(place, (_, name: string) => (known[name] ?? []).map(shellWord).join(" "))] : [];
  });
