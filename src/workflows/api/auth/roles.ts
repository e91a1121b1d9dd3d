/** The roles of Airflow's SimpleAuthManager, from the least to the most. */
export const roles = ["viewer", "user", "op", "admin"] as const;
export type Role = (typeof roles)[number];

/** Who asks. */
export interface User {
  readonly name: string;
  readonly role: Role;
}

/** What a request is about, as far as who may do it goes. */
export type Subject =
  "asset" | "backfill" | "configuration" | "connection" | "dag" | "pool" | "variable" | "view";

/** The least role that reads a subject, and the least that changes it. As SimpleAuthManager. */
const least: Readonly<Record<Subject, { readonly read: Role; readonly write: Role }>> = {
  asset: { read: "viewer", write: "op" },
  backfill: { read: "viewer", write: "user" },
  configuration: { read: "viewer", write: "op" },
  connection: { read: "op", write: "op" },
  dag: { read: "viewer", write: "user" },
  pool: { read: "viewer", write: "op" },
  variable: { read: "op", write: "op" },
  view: { read: "viewer", write: "viewer" },
};

/** Whether a role is enough. */
export function isAllowed(role: Role, subject: Subject, isRead: boolean): boolean {
  const wanted = isRead ? least[subject].read : least[subject].write;
  return roles.indexOf(role) >= roles.indexOf(wanted);
}
