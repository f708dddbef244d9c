/** Things by what a person calls them: an instance by name or id, a type by id or name. */
import { notFound } from "../failure.ts";
import { didYouMean } from "../nearest.ts";
import type { Client } from "./http.ts";
import type { InstanceDocument, TypeDocument } from "./wire.ts";

export const paths = {
  types: "/api/integrations/types",
  instances: "/api/integrations/instances",
  jobs: "/api/jobs",
} as const;

export const listTypes = (api: Client): Promise<readonly TypeDocument[]> => api.read(paths.types);
export const listInstances = (api: Client): Promise<readonly InstanceDocument[]> => api.read(paths.instances);

/** @throws CliFailure not found, with the names that are near. */
export const findInstance = async (api: Client, asked: string): Promise<InstanceDocument> => {
  const all = await listInstances(api);
  const found = all.find(({ instance_id }) => instance_id === asked) ?? all.find(({ name }) => name === asked);
  if (found) return found;
  const names = all.map(({ name }) => name);
  throw notFound(`There is no instance ${JSON.stringify(asked)}.`, [
    ...didYouMean(asked, names),
    "`switchyard instances` lists them.",
  ]);
};

/** @throws CliFailure not found, with the ids that are near. */
export const findType = async (api: Client, asked: string): Promise<TypeDocument> => {
  const all = await listTypes(api);
  const wanted = asked.toLowerCase();
  const found = all.find(({ id }) => id === asked) ?? all.find(({ name }) => name.toLowerCase() === wanted);
  if (found) return found;
  throw notFound(`There is no integration type ${JSON.stringify(asked)}.`, [
    ...didYouMean(
      asked,
      all.map(({ id }) => id),
    ),
    "`switchyard types` lists them.",
  ]);
};
