/** Loaded before a pack's own tests: lets `switchyard/sdk` and `switchyard/testing` be imported wherever the pack lies. */
import { registerHooks } from "node:module";

const ours: Readonly<Record<string, string>> = {
  "switchyard/sdk": new URL("../sdk/index.ts", import.meta.url).href,
  "switchyard/testing": new URL("./index.ts", import.meta.url).href,
};

registerHooks({
  resolve: (specifier, context, next) => {
    const url = ours[specifier];
    return url === undefined ? next(specifier, context) : { url, format: "module-typescript", shortCircuit: true };
  },
});
