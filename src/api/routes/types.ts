/** Integration types: what is installed, from which release, and what to do with it. */
import { Type } from "typebox";
import { listReleases } from "../../store/releases.ts";
import { findManifestYaml, findType, listTypes } from "../../store/types.ts";
import { authorise, notFound, requireUnlimited } from "../access/access.ts";
import type { Api } from "../api.ts";
import { short, shortQuery } from "../http/pages.ts";
import { json } from "../http/reply.ts";
import { type Route, route } from "../http/route.ts";
import { admitFor, enqueue } from "../jobs/enqueue.ts";
import { closed, idParam, list, ref } from "../schemas/common.ts";
import { releaseToWire, typeToWire } from "../wire.ts";

const tag = "types";
const base = "/api/integrations/types";
const params = { id: idParam("Id of the type") };

const readType = async (api: Api, id: string) => {
  const type = await api.store.read(() => findType(id));
  if (!type) throw notFound("integration type", id);
  return type;
};

const listRoute = (api: Api): Route =>
  route({
    method: "GET",
    path: base,
    access: "viewer",
    tag,
    summary: "All integration types",
    query: {
      rescan: Type.Optional(
        Type.Boolean({
          default: false,
          description: "Also look at the packs again (admin); the job's id is in Switchyard-Job",
        }),
      ),
    },
    answers: {
      200: {
        description: "A plain list",
        schema: Type.Array(ref("IntegrationType")),
        headers: { "Switchyard-Job": "Id of the pack.rescan job, with rescan=true" },
      },
    },
    handle: async (call) => {
      const headers: Record<string, string> = {};
      if (call.query.rescan) {
        authorise(call.principal, "admin");
        requireUnlimited(call.principal);
        const { job } = await admitFor(api, call, { kind: "pack.rescan", input: {}, action: "pack.rescan" });
        headers["switchyard-job"] = job.id;
      }
      const types = await api.store.read(() => listTypes());
      return json(types.map(typeToWire), 200, headers);
    },
  });

const readRoute = (api: Api): Route =>
  route({
    method: "GET",
    path: `${base}/{id}`,
    access: "viewer",
    tag,
    summary: "One type",
    params,
    answers: { 200: { description: "The type", schema: ref("IntegrationType") } },
    errors: ["not_found"],
    handle: async (call) => json(typeToWire(await readType(api, call.params.id))),
  });

const manifestRoute = (api: Api): Route =>
  route({
    method: "GET",
    path: `${base}/{id}/manifest`,
    access: "viewer",
    tag,
    summary: "Its manifest, as written and as read",
    params,
    answers: { 200: { description: "The manifest", schema: ref("Manifest") } },
    errors: ["not_found"],
    handle: async (call) => {
      const { id, manifest } = await readType(api, call.params.id);
      return json({ type_id: id, manifest_yaml: await api.store.read(() => findManifestYaml(id)), manifest });
    },
  });

const releasesRoute = (api: Api): Route =>
  route({
    method: "GET",
    path: `${base}/{id}/releases`,
    access: "viewer",
    tag,
    summary: "What was installed when",
    params,
    query: shortQuery,
    answers: { 200: { description: "Its releases, the newest first", schema: list(ref("Release")) } },
    errors: ["not_found"],
    handle: async (call) => {
      const type = await readType(api, call.params.id);
      const releases = await api.store.read(() => listReleases(type.id));
      return json(
        short(
          releases.map((release) => releaseToWire(release, type.digest)),
          call.query,
        ),
      );
    },
  });

const validateRoute = (api: Api): Route =>
  route({
    method: "POST",
    path: `${base}/{id}/validate`,
    access: "operator",
    concernsAll: true,
    tag,
    summary: "Validate the installed release again",
    params,
    enqueues: true,
    answers: {},
    errors: ["not_found"],
    handle: (call) =>
      enqueue(api, call, { kind: "pack.validate", input: { type_id: call.params.id }, action: "pack.validate" }),
  });

const rollbackRoute = (api: Api): Route =>
  route({
    method: "POST",
    path: `${base}/{id}/rollback`,
    access: "admin",
    concernsAll: true,
    tag,
    summary: "Go back to an earlier release",
    params,
    body: Type.Object(
      { digest: Type.Optional(Type.String({ pattern: "^[0-9a-f]{64}$", description: "Default: the one before" })) },
      closed,
    ),
    isBodyOptional: true,
    example: { digest: "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08" },
    enqueues: true,
    answers: {},
    errors: ["not_found", "no_earlier_release"],
    handle: (call) =>
      enqueue(api, call, {
        kind: "pack.rollback",
        input: { type_id: call.params.id, ...(call.body.digest === undefined ? {} : { digest: call.body.digest }) },
        action: "pack.rollback",
      }),
  });

const removeRoute = (api: Api): Route =>
  route({
    method: "DELETE",
    path: `${base}/{id}`,
    access: "admin",
    concernsAll: true,
    tag,
    summary: "Remove a type; its instances stay, unusable until it is installed again",
    params,
    enqueues: true,
    answers: {},
    errors: ["not_found"],
    handle: (call) =>
      enqueue(api, call, { kind: "pack.remove", input: { type_id: call.params.id }, action: "pack.remove" }),
  });

export const typeRoutes = (api: Api): Route[] => [
  listRoute(api),
  readRoute(api),
  manifestRoute(api),
  releasesRoute(api),
  validateRoute(api),
  rollbackRoute(api),
  removeRoute(api),
];
