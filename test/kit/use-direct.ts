/** Drivers of one shipped pack over http for a suite: made as a test asks for them, closed behind it; and what all must do. */
import { afterEach, describe, expect, it } from "vitest";
import { asTargets, asTestResult, type TestResult } from "../../src/model/dry-run.ts";
import type { Json } from "../../src/model/json.ts";
import type { Target } from "../../src/model/target.ts";
import { startHttp } from "./device.ts";
import { createDirectDriver, type DirectDriver } from "./direct-driver.ts";
import { listing } from "./proxmox.ts";

interface HttpDriver {
  test_connection(): Promise<unknown>;
  inventory_list(call: ReturnType<typeof listing>): Promise<unknown>;
}

export interface DirectSuite<D> {
  connect(url: string, secrets?: Readonly<Record<string, string>>, more?: object): D;
  /** What the driver says of the server, in the shape of the contract. */
  test(url: string): Promise<TestResult>;
  list(url: string, targetType: string): Promise<readonly Target[]>;
  /** A server that answers all with this ends a test of the connection with this code. */
  itFailsAs(rows: readonly (readonly [status: number, body: string, code: string])[]): void;
  /** Password and token come to the server as its kind of server wants them; `body` is a good answer, and what it tells. */
  itLogsInTo(body: string, details: object): void;
}

export const useDirect = <D extends HttpDriver>(Type: new () => D, pack: string): DirectSuite<D> => {
  const opened: DirectDriver<D>[] = [];
  afterEach(async () => {
    await Promise.all(opened.splice(0).map((direct) => direct.close()));
  });
  const connect: DirectSuite<D>["connect"] = (url, secrets = {}, more = {}) => {
    const http = { timeout_s: 2, retries: 0 };
    const direct = createDirectDriver(Type, { pack, config: { url, ...more }, secrets, http });
    opened.push(direct);
    return direct.driver;
  };
  return {
    connect,
    test: async (url) => asTestResult((await connect(url).test_connection()) as Json),
    list: async (url, type) => asTargets((await connect(url).inventory_list(listing(type))) as Json, type),
    itFailsAs: (rows) => {
      describe("a failure", () => {
        it.each(rows)("%i %s is %s", async (status, body, code) => {
          await using server = await startHttp((_, response) => response.writeHead(status).end(body));
          const tested = connect(`http://127.0.0.1:${server.port}`).test_connection();
          await expect(tested).rejects.toMatchObject({ code });
        });
      });
    },
    itLogsInTo: (body, details) => {
      describe("credentials", () => {
        it.each([
          [{ username: "ada" }, { password: "a-long-password" }, `Basic ${btoa("ada:a-long-password")}`],
          [{}, { bearer_token: "a-long-token" }, "Bearer a-long-token"],
          [{}, {}, undefined],
        ])("%o %o become %s", async (config, secrets: Record<string, string>, expected) => {
          await using server = await startHttp((_, response) => response.end(body));
          const driver = connect(`http://127.0.0.1:${server.port}`, secrets, config);
          expect(await driver.test_connection()).toMatchObject({ status: "connected", details });
          expect([...new Set(server.seen.map(({ headers }) => headers.authorization))]).toEqual([expected]);
        });
      });
    },
  };
};
