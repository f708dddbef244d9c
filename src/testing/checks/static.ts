/** What a pack shows before any device is asked: its manifest, its driver as it loads, its README. */
import type { Language } from "../../model/integration-type.ts";
import { unwritten } from "../../model/quality.ts";
import { releaseDigest } from "../../packs/digest.ts";
import { examinePack } from "../../packs/examine.ts";
import { faultsIn, faultText } from "../../packs/faults.ts";
import { readManifestFile } from "../../packs/manifest-file.ts";
import { readProgramVersion } from "../../sandbox/program-version.ts";
import { type Check, type CheckBench, missing, passed, verdictOf } from "../check.ts";

const inspectMs = 8_000;

const examine = async ({ pack, stage, coreVersion }: CheckBench) => {
  const { files, folder } = pack;
  const examiner = {
    ...({ coreVersion, minSandbox: "degraded", sandboxLevel: stage.level } as const),
    shelf: {
      inspect: (_digest: string, entrypoint: string, language: Language) =>
        stage.pool.inspect(folder, entrypoint, inspectMs, language),
      programVersion: (path: string, level: typeof stage.level) => readProgramVersion(path, { level }),
    },
  };
  // How strong this machine's sandbox is says nothing about the pack.
  return examinePack(examiner, { file: readManifestFile(files), files, digest: releaseDigest(files), isShipped: true });
};

export const staticChecks: readonly Check[] = [
  {
    name: "manifest",
    title: "Its manifest is in order, its driver loads, and both say the same",
    run: async (bench) => {
      const faults = faultsIn(await examine(bench), bench.pack.files);
      return verdictOf(faults.map((fault) => `${faultText(fault).slice(0, 400)} (${fault.code})`));
    },
  },
  {
    name: "quiet",
    title: "Its driver writes to its log and prints nothing",
    run: async ({ replayed }) =>
      verdictOf(
        replayed.flatMap(({ printed }) => printed.map((line) => `it printed ${JSON.stringify(line.slice(0, 80))}`)),
      ),
  },
  {
    name: "documented",
    title: "A README says what it does and what it was tried on",
    run: async ({ pack }) => {
      const readme = pack.files.find(({ path }) => path.toLowerCase() === "readme.md");
      const text = readme === undefined ? "" : Buffer.from(readme.bytes).toString("utf8");
      if (text.includes(unwritten))
        return missing(
          `expected what the pack does and what it was tried on, got the line that asks for it (${unwritten}): put your own words in its place`,
        );
      const words = text.split(/\s+/).filter((word) => word !== "").length;
      return words >= 50 ? passed : missing(`expected a README.md of at least 50 words, got ${words}`);
    },
  },
];
