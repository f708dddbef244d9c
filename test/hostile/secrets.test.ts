/** Planted secrets on SQLite. */
import { describeSecrets } from "./planted-secrets.ts";

describeSecrets("secrets that are planted", async () => ({}));
