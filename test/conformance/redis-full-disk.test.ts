/** The private Redis on a disk without room: the start fails by name, leaves no lock behind, and goes well later. */
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { silentLog } from "../../src/log.ts";
import { startRedis } from "../../src/roles/private-redis.ts";
import { missingSmallDisk, mountSmallDisk, type SmallDisk } from "../chaos/kit/small-disk.ts";
import { hasRedis } from "../kit/redis.ts";

describe.skipIf(!hasRedis || missingSmallDisk !== undefined)("a private Redis on a full disk", () => {
  let folder: string;
  let dir: string;
  let disk: SmallDisk;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "sw-full-"));
    dir = join(folder, "redis");
    disk = mountSmallDisk(dir);
  });
  afterEach(() => {
    disk.unmount();
    rmSync(folder, { recursive: true, force: true });
  });

  it("is not started, and is started as soon as there is room", async () => {
    disk.fill();
    await expect(startRedis({ dir, log: silentLog })).rejects.toThrow(/ENOSPC|no space/i);
    expect(existsSync(join(dir, "start.lock"))).toBe(false);
    disk.empty();
    const redis = await startRedis({ dir, log: silentLog });
    await redis.stop();
  });
});
