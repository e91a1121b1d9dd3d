import type { Command } from "commander";
import type { Form } from "#workflows/verbs/dags.ts";
import type { WorkflowWhere } from "./workflow-installation.ts";
import { inSession, listVerb, verb } from "./workflow-options.ts";

/** Adds what is known of assets: what tasks make and DAGs wait for. */
export function addAssetVerbs(program: Command): void {
  const assets = program.command("assets").description("what tasks make and DAGs wait for");
  listVerb(assets, "list", "list all assets").action(async (options: WorkflowWhere & Form) => {
    const { assetsList } = await import("#workflows/verbs/assets.ts");
    await inSession(options, (session) => assetsList(session, options));
  });
  listVerb(assets, "details <asset>", "show when an asset was made").action(
    async (name: string, options: WorkflowWhere & Form) => {
      const { assetsDetails } = await import("#workflows/verbs/assets.ts");
      await inSession(options, (session) => assetsDetails(session, name, options));
    },
  );
  listVerb(assets, "materialize <asset>", "run the DAG that makes an asset").action(
    async (name: string, options: WorkflowWhere & Form) => {
      const { assetsMaterialize } = await import("#workflows/verbs/assets.ts");
      await inSession(options, (session) => assetsMaterialize(session, name, options));
    },
  );
  verb(assets, "made <asset>", "tell that somebody else has made an asset").action(
    async (name: string, options: WorkflowWhere) => {
      const { assetsMade } = await import("#workflows/verbs/assets.ts");
      await inSession(options, (session) => assetsMade(session, name));
    },
  );
}
