/** Whether a person who tests a connection learns what is wrong with it. */
import { type ErrorCode, SwitchyardError } from "../../errors.ts";
import type { Endpoint, HttpEndpoint } from "../../model/endpoint.ts";
import { type Manifest, secretNames } from "../../model/manifest.ts";
import { grantOf } from "../../recording/grant.ts";
import { type Actor, perform } from "../../recording/perform.ts";
import { replayFacts } from "../../recording/replay.ts";
import { parseCall } from "../../recording/script.ts";
import { type OpenSession, openMovedSession } from "../../recording/session.ts";
import { callDriver } from "../../recording/stage.ts";
import type { Door } from "../../transports/contract.ts";
import {
  type Check,
  type CheckBench,
  failed,
  missing,
  notApplicable,
  passed,
  type Replayed,
  shownError,
  type Verdict,
} from "../check.ts";
import { closedPort, distrustedPlace, loopback, type OpenPlace, refusingPlace, silentPlace } from "../places.ts";
import { withPrivateKeys } from "../stand-in-secrets.ts";

type Move = (endpoint: Endpoint) => Endpoint;

/** How long one request may take in these checks, and how long the whole test. */
const requestMs = 1_000;
const testMs = 10_000;

const nobody = () => Promise.reject(Object.assign(new Error("no such name"), { code: "ENOTFOUND" }));

/** Only what is quick to fail is tried: no repetitions. */
const impatient = (bench: CheckBench) => {
  const { manifest } = bench.pack;
  const http = { ...manifest.defaults?.http, timeout_s: requestMs / 1_000, retries: 0 };
  return { ...manifest, defaults: { ...manifest.defaults, http } };
};

const isConnected = ({ calls }: Replayed): boolean =>
  calls.some(({ call, error }) => parseCall(call).kind === "test" && error === undefined);

/** The recording whose config is used: of a device that was reached, where there is one. */
const exampleOf = ({ replayed }: CheckBench): Replayed | undefined => replayed.find(isConnected) ?? replayed[0];

/** The config that a recording was made with; contacts need no recorded answers. */
const sessionFor = (bench: CheckBench, move: Move): OpenSession | undefined => {
  const example = exampleOf(bench);
  if (example === undefined) return undefined;
  const recorded = replayFacts(example.recording, { ...bench.pack, manifest: impatient(bench) }, bench.now);
  const facts = { ...recorded, secrets: withPrivateKeys(bench.pack.manifest, recorded.secrets) };
  return openMovedSession(facts, (endpoint) => move({ ...endpoint, timeoutMs: requestMs } as Endpoint), nobody);
};

interface Ended {
  readonly code: string;
  readonly message: string;
  readonly ms: number;
}

/** What a test of the connection ends with. */
const testOf = async (bench: CheckBench, open: OpenSession): Promise<Ended> => {
  const { stage, pack, now } = bench;
  const config = exampleOf(bench)?.recording.head.config ?? {};
  const signal = AbortSignal.any([bench.signal, AbortSignal.timeout(testMs)]);
  let last: Door | undefined;
  const actor: Actor = {
    manifest: pack.manifest,
    language: pack.language,
    session: open.session,
    call: async (method, args, rights) => {
      const door = open.session.door(grantOf(rights, { signal }));
      last = door;
      const value = await callDriver(stage, { pack, session: open.session, config, door, method, args, signal });
      return { value, door };
    },
  };
  const startedAt = now();
  const since = (): number => Math.round(now() - startedAt);
  try {
    const result = await perform(actor, { kind: "test" });
    const { status } = result as { status: string };
    const cause = status === "error" ? last?.lastFailure : null;
    return { code: cause?.code ?? `status ${status}`, message: cause?.message ?? "", ms: since() };
  } catch (thrown) {
    const error = thrown instanceof SwitchyardError ? thrown : new SwitchyardError("internal");
    return { code: error.code, message: error.message, ms: since() };
  } finally {
    open.close();
  }
};

const expecting = async (bench: CheckBench, move: Move, codes: readonly ErrorCode[]): Promise<Verdict> => {
  const open = sessionFor(bench, move);
  if (open === undefined) return missing("there is no recording whose config could be used");
  const ended = await testOf(bench, open);
  if (!codes.some((code) => code === ended.code)) {
    return failed(`expected test_connection to fail with ${codes.join(" or ")}, got ${shownError(ended as never)}`);
  }
  return ended.ms <= testMs ? passed : failed(`it took ${ended.ms} ms to say so`);
};

const at = async (opening: Promise<OpenPlace>, use: (port: number) => Promise<Verdict>): Promise<Verdict> => {
  const place = await opening;
  try {
    return await use(place.port);
  } finally {
    await place.close();
  }
};

const here =
  (port: number): Move =>
  (endpoint) => ({ ...endpoint, host: loopback, port });

const isHttp = (endpoint: Endpoint): endpoint is HttpEndpoint => endpoint.kind === "http";
const overHttp =
  (port: number, secure: boolean): Move =>
  (endpoint) => {
    if (!isHttp(endpoint)) return endpoint;
    const moved = { ...endpoint, host: loopback, port };
    return secure ? { ...moved, scheme: "https", tls: { verify: true } } : { ...moved, scheme: "http", tls: null };
  };

/** Names of http endpoints that the recorded config has. */
const hasHttp = (bench: CheckBench): boolean => {
  let found = false;
  sessionFor(bench, (endpoint) => {
    found ||= isHttp(endpoint);
    return endpoint;
  })?.close();
  return found;
};

/** A device that cannot be stood in for here shows it by a recording. */
const recordedCause = ({ replayed }: CheckBench, codes: readonly ErrorCode[]): Verdict => {
  const tests = replayed.flatMap(({ calls }) => calls.filter(({ call }) => parseCall(call).kind === "test"));
  const shown = tests.some(
    ({ error, differences }) => differences.length === 0 && codes.some((code) => code === error?.code),
  );
  return shown ? passed : missing(`there is no recorded test_connection that failed with ${codes.join(" or ")}`);
};

/** Whether the manifest has a transport of this kind, by whatever name. */
const speaks = ({ transports }: Manifest, kind: string): boolean =>
  Object.keys(transports ?? {}).some((name) => name === kind || name.startsWith(`${kind}.`));

/** An agent of SNMP drops what it does not accept without a word: there no answer is what a wrong secret looks like. */
const wrongSecretCodes = (manifest: Manifest): readonly ErrorCode[] =>
  speaks(manifest, "snmp") && !speaks(manifest, "ssh") && !speaks(manifest, "tcp")
    ? ["auth_failed", "no_snmp_answer"]
    : ["auth_failed"];

/** Whatever speaks http may stand behind something that asks who comes. */
const wrongSecret = async (bench: CheckBench): Promise<Verdict> => {
  const { manifest } = bench.pack;
  const isAsked = Object.keys(manifest.schema.connection["properties"] ?? {}).length > 0 && speaks(manifest, "http");
  if (!isAsked && secretNames(manifest).length === 0) return notApplicable("it has no secrets");
  if (!hasHttp(bench)) return recordedCause(bench, wrongSecretCodes(manifest));
  return at(refusingPlace(), (port) =>
    expecting(bench, overHttp(port, false), ["auth_failed", "permission_denied_remote"]),
  );
};

const wrongCertificate = async (bench: CheckBench): Promise<Verdict> => {
  if (hasHttp(bench)) {
    return at(distrustedPlace(bench.now()), (port) =>
      expecting(bench, overHttp(port, true), ["tls_untrusted", "tls_name_mismatch"]),
    );
  }
  return speaks(bench.pack.manifest, "ssh")
    ? recordedCause(bench, ["host_key_mismatch"])
    : notApplicable("it trusts no certificate");
};

export const contactChecks: readonly Check[] = [
  {
    name: "dead_host",
    title: "A host that is not there is named as the cause",
    run: (bench) =>
      expecting(bench, (endpoint) => ({ ...endpoint, host: "nobody.invalid" }), [
        ...(["dns_failed", "network_unreachable", "connect_timeout"] as const),
      ]),
  },
  {
    name: "refused",
    title: "A closed port is named as the cause",
    run: async (bench) => expecting(bench, here(await closedPort()), ["connection_refused", "no_snmp_answer"]),
  },
  {
    name: "hang",
    title: "A device that says nothing is given up in time",
    run: (bench) =>
      at(silentPlace(), (port) =>
        expecting(bench, here(port), ["connect_timeout", "response_timeout", "no_snmp_answer"]),
      ),
  },
  { name: "wrong_secret", title: "A wrong secret is named as the cause", run: wrongSecret },
  {
    name: "wrong_certificate",
    title: "A certificate that nobody vouches for is named as the cause",
    run: wrongCertificate,
  },
];
