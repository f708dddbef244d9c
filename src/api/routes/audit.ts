/** The audit log: who, what, on what, when, from where, outcome. */
import { listAudit } from "../../store/audit.ts";
import type { Api } from "../api.ts";
import { listOf, pageOf, pageQuery } from "../http/pages.ts";
import { json } from "../http/reply.ts";
import { type Route, route } from "../http/route.ts";
import { list, ref } from "../schemas/common.ts";
import { auditToWire } from "../wire.ts";

export const auditRoutes = (api: Api): Route[] => [
  route({
    method: "GET",
    path: "/api/audit",
    access: "admin",
    concernsAll: true,
    tag: "audit",
    summary: "What was asked for, newest first",
    query: pageQuery,
    answers: { 200: { description: "A page of entries", schema: list(ref("AuditEntry")) } },
    handle: async ({ query }) => json(listOf(await api.store.read(() => listAudit(pageOf(query))), auditToWire)),
  }),
];
