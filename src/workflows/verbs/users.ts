import { hashPassword, newPassword } from "#workflows/api/auth/passwords.ts";
import type { Role } from "#workflows/api/auth/roles.ts";
import {
  addAccount,
  changePassword,
  deleteAccount,
  listAccounts,
} from "#workflows/state/accounts.ts";
import type { Form } from "./dags.ts";
import { formatRows } from "./output.ts";
import type { VerbSession } from "./session.ts";

export async function usersList(session: VerbSession, { output }: Form): Promise<void> {
  const accounts = await listAccounts(session.database);
  const rows = accounts.map((it) => ({ username: it.name, role: it.role }));
  session.out(formatRows(rows, output));
}

/** Makes an account of the REST API. Its password is made and printed when none is given. */
export async function usersCreate(
  session: VerbSession,
  user: { readonly name: string; readonly role: Role; readonly password: string | undefined },
): Promise<void> {
  const { name, role } = user;
  const password = user.password ?? newPassword();
  const passwordHash = await hashPassword(password);
  const changedAt = session.clock.now();
  if (!(await addAccount(session.database, { name, role, passwordHash, changedAt }))) {
    throw new Error(`there is a user ${name} already: gantry users delete ${name}`);
  }
  session.out(`User "${name}" created with role "${role}"\n`);
  if (user.password === undefined) session.out(`password: ${password}\n`);
}

/** Gives a user another password; tokens of before count no longer. */
export async function usersResetPassword(
  session: VerbSession,
  user: { readonly name: string; readonly password: string | undefined },
): Promise<void> {
  const { name } = user;
  const password = user.password ?? newPassword();
  const passwordHash = await hashPassword(password);
  const changed = { name, passwordHash, changedAt: session.clock.now() };
  if (!(await changePassword(session.database, changed))) throw noUser(name);
  session.out(`User "${name}" has a new password\n`);
  if (user.password === undefined) session.out(`password: ${password}\n`);
}

/** Deletes an account; its tokens count no longer. */
export async function usersDelete(session: VerbSession, name: string): Promise<void> {
  if (!(await deleteAccount(session.database, name))) throw noUser(name);
  session.out(`User "${name}" deleted\n`);
}

function noUser(name: string): Error {
  return new Error(`there is no user ${name}: gantry users list shows those there are`);
}
