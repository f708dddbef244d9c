/** The search for secrets finds one wherever and however it lies: else it would say nothing that it finds none. */
import { randomUUID } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { Client } from "pg";
import { afterAll, describe, expect, test } from "vitest";
import { packContent } from "../../src/store/release-content.ts";
import { writeBackupFile } from "../../src/upkeep/backup-writing.ts";
import { zip } from "../kit/pack.ts";
import { missingPostgres, startTestPostgres } from "../kit/postgres.ts";
import { findIn, findPlain, memoryOf, shownBy } from "./search.ts";
import { unpacked } from "./unpack.ts";

const needle = `needle "quo'ted" é\n\\back</b>&`;
const hay = "hay ".repeat(5_000);
const straw = Buffer.from(`${hay}${needle}${hay}`);
const folder = mkdtempSync(join(tmpdir(), "search-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const found = (bytes: Buffer): readonly string[] =>
  unpacked(["here", bytes]).flatMap(([place, content]) => findIn({ needle }, place, content));

const header = { format: "switchyard-backup", version: 1, core: "1.0.0", schema: 1 } as const;
const newFile = (): string => join(folder, randomUUID());
const backup = async (lines: readonly object[]): Promise<Buffer> => {
  const path = newFile();
  await writeBackupFile({
    path,
    header: { ...header, created_at: "", key_id: "", has_key: false, sealing: null },
    codecOf: () => undefined,
    lines: (async function* () {
      yield lines as never;
    })(),
  });
  return readFileSync(path);
};

const sqlite = (value: string | Buffer): Buffer => {
  const path = newFile();
  const database = new DatabaseSync(path);
  database.exec("pragma journal_mode = wal; create table kept (number integer, thing any)");
  database.prepare("insert into kept values (?, ?)").run(2n ** 60n, value);
  database.close();
  return readFileSync(path);
};

const release = (): Buffer => packContent([{ path: "driver.ts", bytes: straw }]);
const places: Readonly<Record<string, () => Buffer | Promise<Buffer>>> = {
  "a text": () => straw,
  "an address": () => Buffer.from(encodeURIComponent(straw.toString())),
  JSON: () => Buffer.from(JSON.stringify({ straw: straw.toString() })),
  "JSON in JSON": () => Buffer.from(JSON.stringify(JSON.stringify(straw.toString()))),
  hex: () => Buffer.from(straw.toString("hex")),
  base64: () => Buffer.from(straw.toString("base64")),
  "base64, a byte later": () => Buffer.from(Buffer.concat([Buffer.from("x"), straw]).toString("base64")),
  "base64, two bytes later": () => Buffer.from(Buffer.concat([Buffer.from("xy"), straw]).toString("base64")),
  "a text of two bytes a letter": () => Buffer.from(straw.toString(), "utf16le"),
  "a pack": () => zip({ "plugin.yaml": hay, "docs/a.md": straw }),
  "a pack in a gzip file": async () => gzipSync(await zip({ "a.md": straw })),
  "a release as it is stored": release,
  "a compressed value": () => zstdCompressSync(straw),
  "a row of a backup": () => backup([{ table: "kept" }, [1, straw.toString()]]),
  "a release in a backup": () => backup([[1, { base64: release().toString("base64") }]]),
  "a short value in a backup": () => backup([[{ base64: Buffer.from(needle).toString("base64") }]]),
  "a row of SQLite, over several pages": () => sqlite(straw.toString()),
  "bytes in SQLite": () => sqlite(straw),
  "a release in SQLite": () => sqlite(release()),
};

describe("the search for secrets", () => {
  test.each(Object.entries(places))("finds one in %s", async (_, make) => {
    expect(found(await make())).not.toEqual([]);
  });

  test("finds none in the same places when none is there", async () => {
    const other = Object.values(places).map(async (make) => {
      const contents = unpacked(["here", await make()]);
      return contents.flatMap(([place, bytes]) => findIn({ other: "another needle" }, place, bytes));
    });
    expect((await Promise.all(other)).flat()).toEqual([]);
  });

  test("finds one in the arguments, the environment and the memory of a process", () => {
    const own = JSON.stringify(process.execPath).slice(1, -1);
    expect(findIn({ own }, "arguments", shownBy(process.pid))).toEqual(["own in arguments"]);
    const [name = "", value = ""] = Object.entries(process.env).find(([, text = ""]) => text.length > 8) ?? [];
    expect(findIn({ [name]: value }, "environment", shownBy(process.pid))).toEqual([`${name} in environment`]);
    expect(memoryOf(process.pid).flatMap((chunk) => findPlain({ needle }, "memory", chunk))).toContain(
      "needle in memory",
    );
  });

  test.skipIf(missingPostgres !== undefined && process.env["SWITCHYARD_TEST_STRICT"] !== "1")(
    "finds one in a dump of PostgreSQL: as text, in JSON, in JSON in JSON, as bytes and packed",
    async () => {
      const postgres = await startTestPostgres();
      const text = straw.toString();
      const columns = {
        text,
        json: JSON.stringify({ text }),
        bytea: straw,
        twice: JSON.stringify(JSON.stringify(text)),
      };
      try {
        for (const [name, value] of Object.entries({ ...columns, packed: release() })) {
          const url = await postgres.createDatabase();
          const client = new Client({ connectionString: url });
          await client.connect();
          await client.query(`create table kept (thing ${Buffer.isBuffer(value) ? "bytea" : "text"})`);
          await client.query("insert into kept values ($1)", [value]);
          await client.end();
          expect([name, found(postgres.dump(url)).length > 0]).toEqual([name, true]);
        }
      } finally {
        await postgres.stop();
      }
    },
  );
});
