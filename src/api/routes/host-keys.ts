/** Host keys of an instance's devices: what was trusted, what was seen last; an admin accepts a changed one. */
import { Type } from "typebox";
import { SwitchyardError } from "../../errors.ts";
import { hostKeyOf } from "../../model/bind-ssh.ts";
import { acceptHostKey, hostKeysOf } from "../../store/host-keys.ts";
import { readInstance } from "../access/access.ts";
import { record } from "../access/record.ts";
import type { Api } from "../api.ts";
import { type PageQuery, short, shortQuery } from "../http/pages.ts";
import { json } from "../http/reply.ts";
import { type Route, route } from "../http/route.ts";
import { closed, idParam, list, ref } from "../schemas/common.ts";
import { hostKeyToWire } from "../wire.ts";

const tag = "instances";
const path = "/api/integrations/instances/{id}/host-key";
const params = { id: idParam("Id of the instance") };
const answers = { 200: { description: "One entry for each place, `host:port`", schema: list(ref("HostKey")) } };

const keysOf = async (api: Api, id: string, page?: PageQuery): Promise<Response> => {
  const records = await api.store.read(() => hostKeysOf(id));
  return json(short(records.map(hostKeyToWire), page));
};

const readRoute = (api: Api): Route =>
  route({
    method: "GET",
    path,
    access: "viewer",
    tag,
    summary: "The host keys that were trusted and seen",
    params,
    query: shortQuery,
    answers,
    errors: ["not_found"],
    handle: async ({ principal, params: { id }, query }) =>
      keysOf(api, (await readInstance(api.store, principal, id)).id, query),
  });

const notSeen = (fingerprint: string): SwitchyardError =>
  new SwitchyardError("validation_failed", {
    detail: `No device of this instance showed the key ${fingerprint} last: test the instance, then compare what was seen with the device.`,
    errors: [{ pointer: "/fingerprint", message: "expected the fingerprint that was seen last" }],
  });

const acceptRoute = (api: Api): Route =>
  route({
    method: "POST",
    path: `${path}/accept`,
    access: "admin",
    tag,
    summary: "Trust the key that was seen last",
    params,
    body: Type.Object(
      { fingerprint: Type.String({ minLength: 1, maxLength: 200, description: "As it was seen: `SHA256:<base64>`" }) },
      closed,
    ),
    example: { fingerprint: "SHA256:uNiVztksCsDhcc0u9e8BrAaqBZKiE4qdcxIm1bdRJ4c" },
    answers,
    errors: ["not_found", "validation_failed"],
    handle: async (call) => {
      const { id } = await readInstance(api.store, call.principal, call.params.id);
      const given = (call.body as { fingerprint: string }).fingerprint;
      const fingerprint = hostKeyOf(given) ?? given;
      const now = api.now();
      const isAccepted = await api.store.write(function* () {
        const isDone = yield* acceptHostKey({ instanceId: id, fingerprint, now });
        const done = { action: "instance.accept_host_key", objectType: "instance", objectId: id };
        if (isDone) yield* record(call, now, done);
        return isDone;
      });
      if (!isAccepted) throw notSeen(fingerprint);
      return keysOf(api, id);
    },
  });

export const hostKeyRoutes = (api: Api): Route[] => [readRoute(api), acceptRoute(api)];
