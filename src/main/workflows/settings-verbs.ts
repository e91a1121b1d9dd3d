import { InvalidArgumentError, type Command } from "commander";
import type { Form } from "#workflows/verbs/dags.ts";
import type { WorkflowWhere } from "./installation.ts";
import { inSession, listVerb, verb } from "./options.ts";
import { addConnectionVerbs } from "./connection-verbs.ts";
import { addTransferVerbs } from "./transfer-verbs.ts";

type Listed = WorkflowWhere & Form;

/** Adds what tasks are given: variables, connections, pools. */
export function addSettingsVerbs(program: Command): void {
  const variables = program.command("variables").description("variables that tasks read");
  const connections = program.command("connections").description("how tasks reach other systems");
  const pools = program.command("pools").description("slots that tasks share");
  addVariableVerbs(variables);
  addConnectionVerbs(connections);
  addPoolVerbs(pools);
  addTransferVerbs(variables, connections, pools);
}

function addVariableVerbs(variables: Command): void {
  listVerb(variables, "list", "list the variables")
    .option("--show-values", "and their values; secrets are masked", false)
    .action(async (options: Listed & { readonly showValues: boolean }) => {
      const { variablesList } = await import("#workflows/verbs/settings.ts");
      await inSession(options, (session) => variablesList(session, options));
    });
  verb(variables, "get <key>", "print a variable")
    .option("-d, --default <text>", "what to print when it is not set")
    .option("-j, --json", "it must be JSON", false)
    .action(async (key: string, options: WorkflowWhere & { default?: string; json: boolean }) => {
      const { variablesGet } = await import("#workflows/verbs/settings.ts");
      await inSession(options, (session) => variablesGet(session, key, options));
    });
  verb(variables, "set <key> <value>", "set a variable")
    .option("--description <text>", "what it is for")
    .option("-j, --json", "store the text as a JSON string", false)
    .action(async (name: string, text: string, options: WorkflowWhere & SetOptions) => {
      const { variablesSet } = await import("#workflows/verbs/settings.ts");
      const { description, json } = options;
      const value = json ? JSON.stringify(text) : text;
      await inSession(options, (session) => variablesSet(session, { name, value, description }));
    });
  verb(variables, "delete <key>", "delete a variable").action(
    async (key: string, options: WorkflowWhere) => {
      const { variablesDelete } = await import("#workflows/verbs/settings.ts");
      await inSession(options, (session) => variablesDelete(session, key));
    },
  );
}

interface SetOptions {
  readonly description?: string;
  readonly json: boolean;
}

function addPoolVerbs(pools: Command): void {
  listVerb(pools, "list", "list the pools").action(async (options: Listed) => {
    const { poolsList } = await import("#workflows/verbs/settings.ts");
    await inSession(options, (session) => poolsList(session, options));
  });
  listVerb(pools, "get <name>", "show a pool").action(async (name: string, options: Listed) => {
    const { poolsGet } = await import("#workflows/verbs/settings.ts");
    await inSession(options, (session) => poolsGet(session, name, options));
  });
  verb(pools, "set <name> <slots> <description>", "make or change a pool; -1 slots for any number")
    .allowUnknownOption()
    .action(async (name: string, slots: string, description: string, options: WorkflowWhere) => {
      const { poolsSet } = await import("#workflows/verbs/settings.ts");
      const pool = { name, slots: parseSlots(slots), description };
      await inSession(options, (session) => poolsSet(session, pool));
    });
  verb(pools, "delete <name>", "delete a pool").action(
    async (name: string, options: WorkflowWhere) => {
      const { poolsDelete } = await import("#workflows/verbs/settings.ts");
      await inSession(options, (session) => poolsDelete(session, name));
    },
  );
}

function parseSlots(text: string): number {
  const slots = Number(text);
  if (Number.isInteger(slots) && slots >= -1) return slots;
  throw new InvalidArgumentError("expected a whole number of slots, or -1");
}
