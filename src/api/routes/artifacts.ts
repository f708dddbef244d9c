/** What a job kept: files, listed and handed out. */
import { Type } from "typebox";
import { listArtifacts, readArtifact } from "../../store/artifacts.ts";
import { notFound, readJob } from "../access/access.ts";
import type { Api } from "../api.ts";
import { short, shortQuery } from "../http/pages.ts";
import { json, textReply } from "../http/reply.ts";
import { type Route, route } from "../http/route.ts";
import { idParam, list, timeText } from "../schemas/common.ts";

const tag = "jobs";
const path = "/api/jobs/{id}/artifacts";
const id = idParam("Id of the job");

const artifact = Type.Object({
  name: Type.String(),
  content_type: Type.String(),
  size: Type.Integer({ description: "In bytes" }),
  created_at: timeText(),
});

const listRoute = (api: Api): Route =>
  route({
    method: "GET",
    path,
    access: "viewer",
    tag,
    summary: "The files that a job kept",
    params: { id },
    query: shortQuery,
    answers: { 200: { description: "By name", schema: list(artifact) } },
    errors: ["not_found"],
    handle: async (call) => {
      const job = await readJob(api.store, call.principal, call.params.id);
      const found = await api.store.read(() => listArtifacts(job.id));
      return json(
        short(
          found.map(({ name, contentType, size, createdAt }) => ({
            name,
            content_type: contentType,
            size,
            created_at: new Date(createdAt).toISOString(),
          })),
          call.query,
        ),
      );
    },
  });

/** A device's words decide what the file says: a browser is told to save it, whatever it is. */
const readRoute = (api: Api): Route =>
  route({
    method: "GET",
    path: `${path}/{name}`,
    access: "viewer",
    tag,
    summary: "One file, as it was kept",
    params: { id, name: idParam("Name of the artifact") },
    answers: { 200: { description: "Its bytes", schema: Type.String(), type: "application/octet-stream" } },
    errors: ["not_found"],
    handle: async (call) => {
      const { name } = call.params;
      const job = await readJob(api.store, call.principal, call.params.id);
      const found = await api.store.read(() => readArtifact(job.id, name));
      if (found === undefined) throw notFound("artifact", name);
      const headers = { "content-disposition": `attachment; filename="${name.replaceAll(/[^A-Za-z0-9._-]/g, "_")}"` };
      return textReply(new Uint8Array(found.content), { type: "application/octet-stream", headers });
    },
  });

export const artifactRoutes = (api: Api): Route[] => [listRoute(api), readRoute(api)];
