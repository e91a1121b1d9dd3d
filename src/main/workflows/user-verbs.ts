import { Option, type Command } from "commander";
import { roles, type Role } from "#workflows/api/auth/roles.ts";
import type { Form } from "#workflows/verbs/dags.ts";
import type { WorkflowWhere } from "./installation.ts";
import { inSession, listVerb, verb } from "./options.ts";

/** The password comes by the environment: arguments are for everybody to read. */
function passwordOption(): Option {
  return new Option("--password <text>", "the password; made and printed if unset").env(
    "GANTRY_USER_PASSWORD",
  );
}

/** Adds the accounts of the workflows' REST API. */
export function addUserVerbs(program: Command): void {
  const users = program.command("users").description("accounts of the workflows' REST API");
  listVerb(users, "list", "list the users").action(async (options: WorkflowWhere & Form) => {
    const { usersList } = await import("#workflows/verbs/users.ts");
    await inSession(options, (session) => usersList(session, options));
  });
  verb(users, "create <name>", "add a user")
    .addOption(new Option("--role <name>", "what it may do").choices(roles).default("viewer"))
    .addOption(passwordOption())
    .action(async (name: string, options: WorkflowWhere & { role: Role; password?: string }) => {
      const { usersCreate } = await import("#workflows/verbs/users.ts");
      const { role, password } = options;
      await inSession(options, (session) => usersCreate(session, { name, role, password }));
    });
  verb(users, "reset-password <name>", "give a user another password; tokens end")
    .addOption(passwordOption())
    .action(async (name: string, options: WorkflowWhere & { password?: string }) => {
      const { usersResetPassword } = await import("#workflows/verbs/users.ts");
      const { password } = options;
      await inSession(options, (session) => usersResetPassword(session, { name, password }));
    });
  verb(users, "delete <name>", "delete a user; its tokens end").action(
    async (name: string, options: WorkflowWhere) => {
      const { usersDelete } = await import("#workflows/verbs/users.ts");
      await inSession(options, (session) => usersDelete(session, name));
    },
  );
}
