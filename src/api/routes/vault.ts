/** The vault: which master key seals, who has it, and its exchange for another one. */
import { Type } from "typebox";
import { keyHolders } from "../../live/key-holders.ts";
import { rotationProgress } from "../../store/rotation.ts";
import type { Api } from "../api.ts";
import { json } from "../http/reply.ts";
import { type Route, route } from "../http/route.ts";
import { enqueue } from "../jobs/enqueue.ts";
import { closed, ref } from "../schemas/common.ts";

export const vaultRoutes = (api: Api): Route[] => [
  route({
    method: "GET",
    path: "/api/vault",
    access: "admin",
    concernsAll: true,
    tag: "vault",
    summary: "Which master key seals the secrets, and which process has it",
    answers: { 200: { description: "Keys by their ids, which say nothing about them", schema: ref("Vault") } },
    handle: async () => {
      const { keyId, rotation, sealed } = await api.store.read(rotationProgress);
      const holders = await keyHolders(api.redis);
      return json({
        key_id: keyId,
        rotation,
        sealed_secrets: sealed,
        processes: holders.map(({ processId, host, role, startsWith, seals, problem }) => ({
          ...{ process_id: processId, host, role, key_id: seals, starts_with: startsWith, problem },
        })),
      });
    },
  }),
  route({
    method: "POST",
    path: "/api/vault/rotate",
    access: "admin",
    concernsAll: true,
    tag: "vault",
    summary: "Seal every secret with a new master key, while everything goes on",
    description:
      "Every process takes the new key over into its key file. Asked again after `rotation_incomplete`, it goes on where it was.",
    body: Type.Object({}, closed),
    isBodyOptional: true,
    enqueues: true,
    answers: {},
    errors: ["rotation_incomplete"],
    handle: (call) => enqueue(api, call, { kind: "vault.rotate", input: {}, action: "vault.rotate" }),
  }),
];
