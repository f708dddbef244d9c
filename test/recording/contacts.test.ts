/** What the conformance kit needs to know of ssh and SNMP: a key must be one, and an agent that refuses is silent. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readPack } from "../../src/recording/pack.ts";
import type { CheckName } from "../../src/testing/check.ts";
import { checkPack } from "../../src/testing/conformance.ts";
import { type Author, openAuthor } from "../kit/author.ts";

const { signal } = new AbortController();

describe("the conformance kit", () => {
  let author: Author;
  beforeAll(() => {
    author = openAuthor();
  });
  afterAll(() => author.dispose());

  /** A new pack whose made-up recording passes for a real one, with other secrets and further calls. */
  const checkNew = async (transport: string, only: CheckName, given: { secrets: string[]; more?: string }) => {
    await author.run(["new", "acme.made", "--dir", transport, "--transport", transport]);
    const folder = join(author.home, transport);
    const file = join(folder, "recordings/made-up.jsonl");
    const [head = "{}", ...lines] = readFileSync(file, "utf8").split("\n");
    const { made_up: _, ...rest } = JSON.parse(head);
    const first = JSON.stringify({ ...rest, secrets: given.secrets });
    writeFileSync(file, `${[first, ...lines].join("\n")}${given.more ?? ""}`);
    const terms = { coreVersion: "1.0.0", now: Date.now, signal, ownTests: null };
    const { checks } = await checkPack({ pack: await readPack(folder), ...terms, only: [only] });
    return checks[0];
  };

  it("waits for a silent device over ssh, whose login is a private key", async () => {
    const found = await checkNew("ssh", "hang", { secrets: ["private_key"] });
    expect(found).toMatchObject({ outcome: "passed", detail: "" });
  });

  it("takes no answer over SNMP for what a wrong community looks like", async () => {
    const more =
      '{"call":"test_connection"}\n{"seq":9,"transport":"snmp","request":{"op":"snmp.get","oids":["1.3.6.1.2.1.1.1.0"]},"ms":9,"error":{"code":"no_snmp_answer","message":"none"}}\n{"failed":{"code":"no_snmp_answer","message":"none"}}\n';
    const found = await checkNew("snmp", "wrong_secret", { secrets: ["snmp_community"], more });
    expect(found).toMatchObject({ outcome: "passed", detail: "" });
  });
});
