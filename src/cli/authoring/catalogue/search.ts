/** `search <word>`: packs of the catalogue. */
import type { Alone } from "../../alone.ts";
import { form } from "../../called.ts";
import { printJson } from "../../session.ts";
import { type Column, printTable } from "../../view/table.ts";
import { type CataloguePack, type CatalogueVersion, pickVersion } from "./document.ts";
import { matching, openCatalogue } from "./find.ts";

export interface SearchOptions {
  readonly catalog?: string;
}

interface Row {
  readonly pack: CataloguePack;
  /** The one that would be installed. */
  readonly best: CatalogueVersion | undefined;
  /** The name of a trusted key, or the stranger's key. */
  readonly signer: string;
}

const columns: readonly Column<Row>[] = [
  { title: "PACK", isWhole: true, value: ({ pack }) => pack.id, style: () => "bold" },
  { title: "VERSION", isWhole: true, value: ({ best }) => best?.version ?? "none for this version" },
  { title: "SIGNED BY", value: ({ signer }) => signer },
  { title: "NAME", value: ({ pack }) => pack.name },
  { title: "CATEGORY", isExtra: true, value: ({ pack }) => pack.category },
];

export const search = async (
  alone: Alone,
  [word = ""]: readonly string[],
  { catalog }: SearchOptions,
): Promise<undefined> => {
  const { catalogue, trusted } = await openCatalogue(alone, catalog);
  const rows = matching(catalogue, word).map((pack): Row => {
    const best = pickVersion(pack, { core: alone.version });
    const key = best?.signed_by ?? null;
    const name = trusted.find((known) => known.key === key)?.name;
    return { pack, best, signer: name ?? (key === null ? "nobody" : `a stranger, ${key.slice(0, 12)}`) };
  });
  if (alone.isJson)
    return void printJson(
      alone,
      rows.map(({ pack, best }) => ({ ...pack, best: best?.version ?? null })),
    );
  printTable(alone.terminal, rows, columns, `No pack of the catalogue has ${JSON.stringify(word)} in it.`);
  if (rows.length > 0) alone.terminal.note(`Install one with: ${form("install <pack>")}`);
};
