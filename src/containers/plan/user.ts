import { userAnnotationPrefix } from "#containers/labels.ts";

/** Who a container runs as: numbers of the pod, or the words for the node to look up in the image. */
export interface ContainerUser {
  readonly runAsUser?: number;
  readonly runAsGroup?: number;
  /** `user[:group]`, of which one is a name. */
  readonly named?: string;
}

/** Docker's `user[:group]`; empty for the image's own. */
export function containerUser(text: string | undefined): ContainerUser {
  if (text === undefined || text === "") return {};
  const [user = "", group] = text.split(":", 2);
  const uid = user === "root" ? 0 : numeric(user);
  const gid = group === undefined || group === "" ? undefined : numeric(group);
  if (uid === undefined || (gid === undefined && (group ?? "") !== "")) return { named: text };
  return { runAsUser: uid, ...(gid === undefined ? {} : { runAsGroup: gid }) };
}

/** What tells the node of a user with a name. */
export function userAnnotations(
  container: string,
  { named }: ContainerUser,
): Readonly<Record<string, string>> {
  return named === undefined ? {} : { [`${userAnnotationPrefix}${container}`]: named };
}

function numeric(text: string): number | undefined {
  return /^\d+$/.test(text) ? Number(text) : undefined;
}
