import type { Command } from "commander";
import type { Form } from "#workflows/verbs/dags.ts";
import type { WorkflowWhere } from "./installation.ts";
import { inSession, listVerb, verb } from "./options.ts";

/** Adds what is known of assets: what tasks make and DAGs wait for. */
export function addAssetVerbs(program: Command): void {
  const assets = program.command("assets").description("what tasks make and DAGs wait for");
  listVerb(assets, "list", "list all assets").action(async (options: WorkflowWhere & Form) => {
    const { assetsList } = await import("#workflows/verbs/assets.ts");
    await inSession(options, (session) => assetsList(session, options));
  });
  namedVerb(assets, "details", "show when an asset was made").action(
    async (asset: string | undefined, options: Named) => {
      const { assetsDetails } = await import("#workflows/verbs/assets.ts");
      const wanted = { ...options, name: options.name ?? asset };
      await inSession(options, (session) => assetsDetails(session, wanted, options));
    },
  );
  namedVerb(assets, "materialize", "run the DAG that makes an asset").action(
    async (asset: string | undefined, options: Named) => {
      const { assetsMaterialize } = await import("#workflows/verbs/assets.ts");
      const wanted = { ...options, name: options.name ?? asset };
      await inSession(options, (session) => assetsMaterialize(session, wanted, options));
    },
  );
  verb(assets, "made <asset>", "tell that somebody else has made an asset").action(
    async (name: string, options: WorkflowWhere) => {
      const { assetsMade } = await import("#workflows/verbs/assets.ts");
      await inSession(options, (session) => assetsMade(session, name));
    },
  );
}

type Named = WorkflowWhere & Form & { readonly name?: string; readonly uri?: string };

/** About one asset: by its name, or as Airflow has it by `--name` or `--uri`. */
function namedVerb(assets: Command, name: string, description: string): Command {
  return listVerb(assets, `${name} [asset]`, description)
    .option("--name <name>", "its name")
    .option("--uri <uri>", "its URI");
}
