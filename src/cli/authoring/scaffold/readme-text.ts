/** What a new pack's README says: which command does what with this folder. */
import { unwritten } from "../../../model/quality.ts";
import { form } from "../../called.ts";
import type { Choices } from "./choices.ts";
import { madeUpFile } from "./made-up.ts";

const languages = {
  typescript: { driver: "driver.ts", writes: "writes `driver.types.d.ts` and what editors need" },
  python: { driver: "driver.py", writes: "writes what editors need into `.switchyard/`" },
} as const;

export const readmeText = ({ name, id, language }: Choices): string => `# ${name}

${unwritten} what this pack does, and on what it was tried: device, version, when. Put your own words in the place of this line; \`check\` finds it until then.

A Switchyard pack. Its commands are run where Switchyard lies, with the path of this folder; nothing is installed here.

| command | does |
|---|---|
| \`${form("check <this folder>")}\` | runs the tests in \`test/\`, and what every pack is held to |
| \`${form("validate <this folder> --types")}\` | says all that an install would say; ${languages[language].writes} |
| \`${form("install <this folder> --replace --on-change")}\` | installs it, and again at each change |
| \`${form("record <this folder> --set ... --call test_connection")}\` | writes down what passes between driver and device |
| \`${form("replay <this folder>")}\` | runs the driver on what was written down, without the device |
| \`${form("build <this folder>")}\` | writes \`${id}-<version>.int\` |

\`plugin.yaml\` says what it is and how its device is reached, \`${languages[language].driver}\` what it does, \`recordings/\` what the device answered.
\`${madeUpFile}\` was made up, so that there is something to replay: it proves nothing, and goes when a device is recorded.
`;
