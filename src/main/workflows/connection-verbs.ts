import type { Command } from "commander";
import type { Form } from "#workflows/verbs/dags.ts";
import { stopSignal } from "#main/process/stop-signal.ts";
import type { WorkflowWhere } from "./installation.ts";
import { inSession, listVerb, parseCount, verb } from "./options.ts";

interface ConnectionOptions extends WorkflowWhere {
  readonly connUri?: string;
  readonly connJson?: string;
  readonly connDescription?: string;
  readonly connType?: string;
  readonly connHost?: string;
  readonly connLogin?: string;
  readonly connPassword?: string;
  readonly connSchema?: string;
  readonly connPort?: number;
  readonly connExtra?: string;
}

/** A connection in one of Airflow's three forms: as a URI, as JSON, or in parts. */
function connectionText(options: ConnectionOptions): string {
  const { connUri, connJson, connType, connHost, connLogin, connPassword } = options;
  const { connSchema, connPort, connExtra } = options;
  const rest = [connHost, connLogin, connPassword, connSchema, connPort, connExtra];
  const forms = [connUri, connJson, connType].filter((it) => it !== undefined);
  const [form] = forms;
  if (form === undefined) throw new Error("--conn-uri, --conn-json or --conn-type is needed");
  const isMixed = connType === undefined && rest.some((it) => it !== undefined);
  if (forms.length > 1 || isMixed) {
    throw new Error("--conn-uri and --conn-json say everything: no other --conn-… goes with them");
  }
  if (connType === undefined) return form;
  const parts = { host: connHost, login: connLogin, password: connPassword, schema: connSchema };
  return JSON.stringify({ conn_type: connType, ...parts, port: connPort, extra: connExtra });
}

/** Adds how tasks reach other systems. */
export function addConnectionVerbs(connections: Command): void {
  listVerb(connections, "list", "list the connections").action(
    async (options: WorkflowWhere & Form) => {
      const { connectionsList } = await import("#workflows/verbs/settings.ts");
      await inSession(options, (session) => connectionsList(session, options));
    },
  );
  verb(connections, "get <id>", "print a connection as a URI, with its password").action(
    async (id: string, options: WorkflowWhere) => {
      const { connectionsGet } = await import("#workflows/verbs/settings.ts");
      await inSession(options, (session) => connectionsGet(session, id));
    },
  );
  verb(connections, "add <id>", "add a connection")
    .option("--conn-uri <uri>", "type://login:password@host:port/schema?extra=value")
    .option("--conn-json <json>", "the same as a JSON object")
    .option("--conn-type <type>", "in parts: postgres, http, …")
    .option("--conn-host <host>", "its host")
    .option("--conn-port <number>", "its port", parseCount)
    .option("--conn-login <name>", "who logs in")
    .option("--conn-password <text>", "with which password")
    .option("--conn-schema <name>", "its schema or database")
    .option("--conn-extra <json>", "further settings, an object")
    .option("--conn-description <text>", "what it is for")
    .action(async (id: string, options: ConnectionOptions) => {
      const text = connectionText(options);
      const { connectionsAdd } = await import("#workflows/verbs/settings.ts");
      const given = { text, description: options.connDescription };
      await inSession(options, (session) => connectionsAdd(session, id, given));
    });
  verb(connections, "delete <id>", "delete a connection").action(
    async (id: string, options: WorkflowWhere) => {
      const { connectionsDelete } = await import("#workflows/verbs/settings.ts");
      await inSession(options, (session) => connectionsDelete(session, id));
    },
  );
  verb(connections, "test <id>", "say whether a connection works").action(
    async (id: string, options: WorkflowWhere) => {
      const { connectionsTest } = await import("#workflows/verbs/settings.ts");
      using stop = stopSignal();
      const ports = {
        environment: process.env,
        fetch: (address: string, init: RequestInit) => fetch(address, init),
      };
      await inSession(options, async (session) => {
        if (!(await connectionsTest(session, id, ports, stop.signal))) process.exitCode = 1;
      });
    },
  );
}
