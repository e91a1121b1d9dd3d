import type { PodSpec, SecurityContext } from "#api/gen/types.ts";
import { present } from "#base/present.ts";
import type { ContainerOptions } from "#containers/options.ts";
import { UsageError } from "#containers/usage-error.ts";
import { containerUser } from "./user.ts";

/** Rights of the container's process. @throws {UsageError} for what pods do not have. */
export function securityOf(options: ContainerOptions): SecurityContext | undefined {
  const { runAsUser, runAsGroup } = containerUser(options.user);
  const add = options.capAdd.map(capability);
  const drop = options.capDrop.map(capability);
  let settings: SecurityContext = {};
  for (const it of options.securityOpt) settings = { ...settings, ...securityOption(it) };
  const context = present<SecurityContext>({
    runAsUser,
    runAsGroup,
    privileged: options.privileged === true ? true : undefined,
    readOnlyRootFilesystem: options.readOnly === true ? true : undefined,
    capabilities:
      add.length + drop.length === 0
        ? undefined
        : present({
            add: add.length === 0 ? undefined : add,
            drop: drop.length === 0 ? undefined : drop,
          }),
    ...settings,
  });
  return Object.keys(context).length === 0 ? undefined : context;
}

/** Rights that all of a pod share. @throws {UsageError} */
export function podSecurityOf(options: ContainerOptions): PodSpec["securityContext"] {
  const groups = options.groupAdd.map((it) => numberOf(it, "--group-add"));
  const sysctls = options.sysctl.map((it) => {
    const [, name, value] = /^([^=]+)=(.*)$/.exec(it) ?? [];
    if (name === undefined || value === undefined) {
      throw new UsageError(`--sysctl ${it}: expected NAME=VALUE`);
    }
    return { name, value };
  });
  if (groups.length + sysctls.length === 0) return undefined;
  return present({
    supplementalGroups: groups.length === 0 ? undefined : groups,
    sysctls: sysctls.length === 0 ? undefined : sysctls,
  });
}

/** Of groups of the whole pod, which has no image to look names up in. */
function numberOf(text: string, flag: string): number {
  if (text === "root") return 0;
  if (/^\d+$/.test(text)) return Number(text);
  throw new UsageError(
    `${flag} ${text}: names are not known outside of the image; give the number`,
  );
}

function securityOption(text: string): SecurityContext {
  const [, name = "", value = ""] = /^([a-z-]+)(?:[:=](.*))?$/.exec(text) ?? [];
  if (name === "no-new-privileges" && value !== "false") return { allowPrivilegeEscalation: false };
  if (name === "no-new-privileges") return {};
  if (name === "seccomp" && value === "unconfined")
    return { seccompProfile: { type: "Unconfined" } };
  // Neither is in use here: turning it off changes nothing.
  if ((name === "apparmor" && value === "unconfined") || text === "label=disable") return {};
  throw new UsageError(`--security-opt ${text}: expected no-new-privileges or seccomp=unconfined`);
}

function capability(name: string): string {
  return name.toUpperCase().replace(/^CAP_/, "");
}
