/** Completion for shells: the script that one sources, and the answers it asks for. */
import { fileURLToPath } from "node:url";
import { didYouMean } from "../../model/nearest.ts";
import { program as name } from "../called.ts";
import type { Group } from "../command.ts";
import { complete } from "../completion.ts";
import { usage } from "../failure.ts";
import type { Session } from "../session.ts";

const entry = fileURLToPath(new URL("../../../scripts/cli.mjs", import.meta.url));
const quoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;

/** A checkout is on nobody's path: the script brings the short name with it. */
const shortName = `command -v switchyard >/dev/null 2>&1 || switchyard() { node ${quoted(entry)} "$@"; }`;

const scripts: Readonly<Record<string, string>> = {
  bash: `${shortName}
_switchyard() {
  local IFS=$'\\n'
  COMPREPLY=($(switchyard __complete -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null))
}
complete -o default -F _switchyard switchyard`,
  zsh: `${shortName}
_switchyard() {
  local -a found
  found=("\${(@f)$(switchyard __complete -- "\${(@)words[2,CURRENT]}" 2>/dev/null)}")
  compadd -- $found
}
(( $+functions[compdef] )) || { autoload -Uz compinit && compinit -D }
compdef _switchyard switchyard`,
  fish: `command -q switchyard; or function switchyard; node ${quoted(entry)} $argv; end
complete -c switchyard -f -a '(switchyard __complete -- (commandline -opc)[2..] (commandline -ct) 2>/dev/null)'`,
};

const print = async ({ terminal }: Session, [shell = ""]: readonly string[]): Promise<undefined> => {
  const script = scripts[shell];
  const known = Object.keys(scripts);
  if (script === undefined) throw usage(`Expected a shell, one of ${known.join(", ")}.`, didYouMean(shell, known));
  terminal.print(script);
};

export const completionCommands: Group = (program, act) => {
  program
    .command("completion <shell>")
    .description("print the script that completes commands, options and names in bash, zsh or fish")
    .addHelpText(
      "after",
      `\nExamples:\n  $ source <(${name} completion bash)\n  $ source <(${name} completion zsh)\n  $ ${name} completion fish | source`,
    )
    .action(act(print));
  const answer = async (session: Session, [words]: readonly unknown[]): Promise<undefined> => {
    for (const word of await complete(program, words as readonly string[], () => session.api))
      session.terminal.print(word);
  };
  program.command("__complete [words...]", { hidden: true }).action(act(answer as never));
};
