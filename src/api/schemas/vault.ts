/** The schema of the vault as the API shows it. */
import { Type } from "typebox";
import { orNull } from "./common.ts";

const keyId = Type.String({ description: "Says which key it is, and nothing about it" });

export const vaultSchema = Type.Object({
  key_id: orNull(keyId),
  rotation: orNull(
    Type.Object(
      { phase: Type.Union([Type.Literal("spread"), Type.Literal("reseal")]), from: keyId, to: keyId },
      { description: "An exchange of keys that is going on, or was left and waits for `POST /api/vault/rotate`" },
    ),
  ),
  sealed_secrets: Type.Record(Type.String(), Type.Integer(), {
    description: "How many secrets of instances are sealed with which key",
  }),
  processes: Type.Array(
    Type.Object({
      process_id: Type.String(),
      host: Type.String(),
      role: Type.String(),
      key_id: keyId,
      starts_with: Type.String({ description: "The key of its file or setting" }),
      problem: orNull(Type.String({ description: "Why it cannot take over a new key" })),
    }),
  ),
});
