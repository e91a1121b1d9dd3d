/** Who a process is, or whose a file. */
export interface Identity {
  readonly uid: number;
  readonly gid: number;
}

export interface ProcessIdentity extends Identity {
  readonly additionalGids: readonly number[];
}

/** An image's `/etc/passwd` and `/etc/group`; empty when it has none. */
export interface Accounts {
  readonly passwd: string;
  readonly group: string;
}

interface User {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
}

interface Group {
  readonly name: string;
  readonly gid: number;
  readonly members: readonly string[];
}

const idMax = 2 ** 32 - 2;

/**
 * Reads USER's `user[:group]`, each a name or a number. Only a user without a group has the groups
 * that list it as a member.
 * @throws {Error} for a name that the image does not know.
 */
export function resolveProcessUser(text: string, accounts: Accounts): ProcessIdentity {
  const [user = "", group] = text.split(":", 2);
  const found = findUser(user === "" ? "0" : user, accounts);
  if (group !== undefined && group !== "") {
    return { uid: found.uid, gid: findGroup(group, accounts), additionalGids: [] };
  }
  const { name } = found;
  const groups = readGroups(accounts.group).filter((it) => it.members.includes(name));
  return {
    uid: found.uid,
    gid: found.gid,
    additionalGids: groups.map((it) => it.gid).filter((it) => it !== found.gid),
  };
}

/**
 * Reads --chown's `user[:group]`. A user that is given alone by its number owns with the group of
 * the same number.
 * @throws {Error} for a name that the image does not know.
 */
export function resolveOwner(text: string, accounts: Accounts): Identity {
  const [user = "", group] = text.split(":", 2);
  const uid = user === "" ? 0 : (parseId(user) ?? findUser(user, accounts).uid);
  if (group !== undefined && group !== "") return { uid, gid: findGroup(group, accounts) };
  const known = readUsers(accounts.passwd).find((it) => it.name === user);
  return { uid, gid: known?.gid ?? uid };
}

function findUser(text: string, accounts: Accounts): User {
  const users = readUsers(accounts.passwd);
  const id = parseId(text);
  if (id !== undefined) {
    return users.find((it) => it.uid === id) ?? { name: "", uid: id, gid: 0 };
  }
  const user = users.find((it) => it.name === text);
  if (user !== undefined) return user;
  throw new Error(`unable to find user ${text}: no matching entries in /etc/passwd of the image`);
}

function findGroup(text: string, accounts: Accounts): number {
  const id = parseId(text);
  if (id !== undefined) return id;
  const group = readGroups(accounts.group).find((it) => it.name === text);
  if (group !== undefined) return group.gid;
  throw new Error(`unable to find group ${text}: no matching entries in /etc/group of the image`);
}

function parseId(text: string): number | undefined {
  const id = /^\d+$/.test(text) ? Number(text) : NaN;
  return id <= idMax ? id : undefined;
}

function readUsers(passwd: string): User[] {
  return passwd.split("\n").flatMap((line) => {
    const [name = "", , uid = "", gid = ""] = line.trim().split(":");
    return name !== "" && /^\d+$/.test(uid)
      ? [{ name, uid: Number(uid), gid: /^\d+$/.test(gid) ? Number(gid) : 0 }]
      : [];
  });
}

function readGroups(group: string): Group[] {
  return group.split("\n").flatMap((line) => {
    const [name = "", , gid = "", members = ""] = line.trim().split(":");
    return name !== "" && /^\d+$/.test(gid)
      ? [{ name, gid: Number(gid), members: members.split(",").filter((it) => it !== "") }]
      : [];
  });
}
