/** Node's own modules for the child: an import statement would evaluate all of their exports, which costs a sandbox 2 MB. */

export const asyncHooks = process.getBuiltinModule("node:async_hooks");
export const diagnostics = process.getBuiltinModule("node:diagnostics_channel");
export const fs = process.getBuiltinModule("node:fs");
export const nodeModule = process.getBuiltinModule("node:module");
export const os = process.getBuiltinModule("node:os");
export const url = process.getBuiltinModule("node:url");
export const util = process.getBuiltinModule("node:util");
