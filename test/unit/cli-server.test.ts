/** An address with the wrong scheme is answered with the right one. */
import { createServer } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo, Server } from "node:net";
import { afterAll, describe, expect, it } from "vitest";
import { openAuthor } from "../kit/author.ts";
import { makeCertificate } from "../kit/certificate.ts";

const author = openAuthor();
const servers = [createServer(), createTlsServer(makeCertificate("IP:127.0.0.1"))] as const;
afterAll(() => {
  author.dispose();
  for (const server of servers) server.close();
});

const placeOf = (server: Server): Promise<string> =>
  new Promise((resolve) => {
    server.listen(0, "127.0.0.1", () => resolve(`127.0.0.1:${(server.address() as AddressInfo).port}`));
  });

describe("an address", () => {
  it.each([
    ["https", "http", servers[0]],
    ["http", "https", servers[1]],
  ])("of %s where a server speaks %s is answered with the address that may be meant", async (given, meant, server) => {
    const place = await placeOf(server);
    const { code, err } = await author.run(["api", "GET", "/api/whoami", "--url", `${given}://${place}`]);
    expect({ code, err }).toEqual({ code: 5, err: expect.stringContaining(`--url ${meant}://${place}\n`) });
    expect(err).not.toContain("npm start");
  });

  it("where nothing listens is answered with how to start a server", async () => {
    const { code, err } = await author.run(["types", "--url", "https://127.0.0.1:9"]);
    expect({ code, err }).toEqual({ code: 5, err: expect.stringContaining("npm start") });
    expect(err).not.toContain("http://");
  });
});
