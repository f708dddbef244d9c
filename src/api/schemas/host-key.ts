/** How host keys look on the wire. */
import { Type } from "typebox";
import { orNull, timeText } from "./common.ts";

const key = {
  type: Type.String({ description: "ssh-ed25519, ecdsa-sha2-nistp256, ssh-rsa ..." }),
  fingerprint: Type.String({ description: "SHA256:<base64>, as ssh-keygen shows it" }),
  at: timeText(),
};

export const hostKeySchema = Type.Object({
  place: Type.String({ description: "host:port" }),
  trusted: orNull(Type.Object({ ...key, by: Type.Union([Type.Literal("first_use"), Type.Literal("admin")]) })),
  seen: Type.Object(key),
});
