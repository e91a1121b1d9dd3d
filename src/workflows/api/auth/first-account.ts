import type { Database } from "#sql/database.ts";
import { addAccount, listAccounts } from "#workflows/state/accounts.ts";
import { hashPassword, newPassword } from "./passwords.ts";

export const firstName = "admin";

/**
 * Makes the account `admin` where there is no account at all. `keep` is given its password before
 * anybody can use it. @returns whether it was made.
 */
export async function addFirstAccount(
  database: Database,
  now: number,
  keep: (password: string) => void,
): Promise<boolean> {
  if ((await listAccounts(database)).length > 0) return false;
  const password = newPassword();
  const passwordHash = await hashPassword(password);
  return await database.transaction(async (queries) => {
    if ((await listAccounts(queries)).length > 0) return false;
    keep(password);
    return await addAccount(queries, {
      name: firstName,
      role: "admin",
      passwordHash,
      changedAt: now,
    });
  }, true);
}
