/** Who may do what: API tokens, roles, and the permissions that follow from them. */
import { randomUUID } from "node:crypto";
import { ApiError } from "./api-error.ts";
import type { Cluster } from "./cluster.ts";

const auditing = ["Datastore.Audit", "Mapping.Audit", "Pool.Audit", "SDN.Audit", "Sys.Audit", "VM.Audit"];
const operating = ["VM.Audit", "VM.Console", "VM.PowerMgmt", "VM.Backup", "VM.Snapshot"];
const everything = [
  ...auditing,
  ...operating,
  ...["Datastore.Allocate", "Datastore.AllocateSpace", "Pool.Allocate", "Permissions.Modify", "Sys.Console"],
  ...["Sys.Modify", "Sys.PowerMgmt", "Sys.Syslog", "User.Modify", "VM.Allocate", "VM.Clone", "VM.Migrate"],
];

interface Grant {
  readonly path: string;
  readonly privileges: readonly string[];
}

/** A token of the lab. `value` is what stands behind `PVEAPIToken=`. */
export interface LabToken {
  readonly token_name: string;
  readonly api_token: string;
  readonly value: string;
}
export interface TokenRecord extends LabToken {
  readonly grants: Grant[];
}
export type TokenNames = "admin" | "auditor" | "limited";
export type TokenSecrets = Readonly<Record<TokenNames, string>>;

const token = (name: string, grants: Grant[], secret: string = randomUUID()): TokenRecord => ({
  token_name: name,
  api_token: secret,
  value: `${name}=${secret}`,
  grants,
});

/**
 * `admin` may do all, `auditor` may look at all, `limited` may switch VM 100 and the guests of pool `prod` and sees
 * nothing else. Those that were kept are the same again.
 */
export const createTokens = (kept: Partial<TokenSecrets> = {}): Record<TokenNames, TokenRecord> => ({
  admin: token("root@pam!lab", [{ path: "/", privileges: [...new Set(everything)] }], kept.admin),
  auditor: token("auditor@pve!lab", [{ path: "/", privileges: auditing }], kept.auditor),
  limited: token(
    "operator@pve!lab",
    [
      { path: "/vms/100", privileges: operating },
      { path: "/pool/prod", privileges: operating },
    ],
    kept.limited,
  ),
});

export const secretsOf = ({ admin, auditor, limited }: Record<TokenNames, TokenRecord>): TokenSecrets => ({
  admin: admin.api_token,
  auditor: auditor.api_token,
  limited: limited.api_token,
});

export const isTokenSecrets = ({ admin, auditor, limited }: TokenSecrets): boolean =>
  [admin, auditor, limited].every((secret) => typeof secret === "string" && secret !== "");

/** The token that an Authorization header names; 401 as the API words it. */
export const authenticate = (
  records: Readonly<Record<string, TokenRecord>>,
  header: string | undefined,
): TokenRecord => {
  const [, name, secret] = /^PVEAPIToken[=: ]([^=]+)=(.+)$/.exec(header ?? "") ?? [];
  if (name === undefined) throw new ApiError(401, "No ticket", { bare: true });
  const known = Object.values(records).find((record) => record.token_name === name);
  if (known === undefined) {
    const [user = name, id = ""] = name.split("!");
    throw new ApiError(401, `no such token '${id}' for user '${user}'`, { bare: true });
  }
  if (known.api_token !== secret) throw new ApiError(401, "invalid token value!", { bare: true });
  return known;
};

const covers = (granted: string, path: string): boolean =>
  granted === "/" || path === granted || path.startsWith(`${granted}/`);

/** A deeper entry replaces a higher one; membership in a pool adds to it. */
const nearest = (grants: readonly Grant[], path: string): readonly string[] =>
  grants
    .filter((grant) => covers(grant.path, path))
    .reduce<Grant>((best, grant) => (grant.path.length >= best.path.length ? grant : best), {
      path: "",
      privileges: [],
    }).privileges;

export const privilegesAt = (cluster: Cluster, record: TokenRecord, path: string): ReadonlySet<string> => {
  const vmid = /^\/vms\/(\d+)$/.exec(path)?.[1];
  const pool = vmid === undefined ? null : (cluster.guests.get(Number(vmid))?.pool ?? null);
  const byPool = pool === null ? [] : nearest(record.grants, `/pool/${pool}`);
  return new Set([...nearest(record.grants, path), ...byPool]);
};

export const may = (cluster: Cluster, record: TokenRecord, path: string, privilege: string): boolean =>
  privilegesAt(cluster, record, path).has(privilege);

/** Throws 403 as the API words it. */
export const demand = (cluster: Cluster, record: TokenRecord, path: string, privilege: string): void => {
  if (!may(cluster, record, path, privilege)) {
    throw new ApiError(403, `Permission check failed (${path}, ${privilege})`);
  }
};

const commonPaths = ["/", "/vms", "/nodes", "/storage", "/access", "/access/groups", "/pool", "/sdn", "/mapping"];
const dump = (cluster: Cluster, record: TokenRecord, path: string): Record<string, number> =>
  Object.fromEntries([...privilegesAt(cluster, record, path)].map((privilege) => [privilege, 1]));

/** The answer of GET /access/permissions: one path, or all that say something. */
export const permissions = (cluster: Cluster, record: TokenRecord, path: string | undefined): object => {
  if (path !== undefined) return { [path]: dump(cluster, record, path) };
  const paths = new Set([...commonPaths, ...record.grants.map((grant) => grant.path)]);
  const entries = [...paths].map((each) => [each, dump(cluster, record, each)] as const);
  return Object.fromEntries(entries.filter(([, privileges]) => Object.keys(privileges).length > 0));
};
