import type {
  Container,
  Pod,
  PodSecurityContext,
  SeccompProfile,
  SecurityContext as ApiSecurityContext,
} from "#api/gen/types.ts";
import type { ImageStatus, NamespaceMode, SecurityContext } from "#cri/runtime.ts";
import { maskedPaths, readonlyPaths } from "#oci/hidden-paths.ts";
import { podTitle } from "./containers.ts";

/**
 * What a container runs as: its own settings over the pod's. Seccomp profiles of the node are below
 * `seccompDirectory`.
 */
export function containerSecurity(
  pod: Pod,
  container: Container,
  image: Pick<ImageStatus, "uid" | "username">,
  seccompDirectory: string,
): SecurityContext {
  const podContext = pod.spec?.securityContext ?? {};
  const own = container.securityContext ?? {};
  const privileged = own.privileged === true;
  const isUnmasked = privileged || own.procMount === "Unmasked";
  return {
    ...userOf(podContext, own, namedUser(pod, container) ?? image),
    supplementalGroups: podGroups(podContext),
    readonlyRootFilesystem: own.readOnlyRootFilesystem === true,
    noNewPrivileges: own.allowPrivilegeEscalation === false,
    privileged,
    addCapabilities: own.capabilities?.add ?? [],
    dropCapabilities: own.capabilities?.drop ?? [],
    seccomp: seccompOf(
      own.seccompProfile ?? podContext.seccompProfile,
      privileged,
      seccompDirectory,
    ),
    maskedPaths: isUnmasked ? [] : maskedPaths,
    readonlyPaths: isUnmasked ? [] : readonlyPaths,
  };
}

type User = Pick<SecurityContext, "runAsUser" | "runAsUsername" | "runAsGroup">;

/** The image's user is named too where no other is: the runtime refuses a group without a user. */
function userOf(
  pod: PodSecurityContext,
  own: ApiSecurityContext,
  image: Pick<ImageStatus, "uid" | "username">,
): User {
  const runAsGroup = own.runAsGroup ?? pod.runAsGroup;
  const runAsUser = own.runAsUser ?? pod.runAsUser;
  if (runAsUser !== undefined) return { runAsUser, runAsGroup };
  // A group among the words is the one that counts.
  if (image.username.includes(":")) return { runAsUsername: image.username, runAsGroup: undefined };
  if (image.username !== "") return { runAsUsername: image.username, runAsGroup };
  return { runAsUser: image.uid ?? 0, runAsGroup };
}

/** Followed by a container's name: Docker's `user[:group]`, for the runtime to look up in the image. */
const userAnnotationPrefix = "user.gantry.dev/";

/** Stands in for the image's user: settings of the pod go before it, and it counts as unverified. */
function namedUser(
  pod: Pod,
  container: Container,
): Pick<ImageStatus, "uid" | "username"> | undefined {
  const username = pod.metadata?.annotations?.[`${userAnnotationPrefix}${container.name}`] ?? "";
  if (username === "") return undefined;
  const [user = ""] = username.split(":", 1);
  return { username, uid: /^\d+$/.test(user) ? Number(user) : undefined };
}

function podGroups({ supplementalGroups, fsGroup }: PodSecurityContext): readonly number[] {
  const groups = supplementalGroups ?? [];
  return fsGroup === undefined || groups.includes(fsGroup) ? groups : [...groups, fsGroup];
}

function seccompOf(
  profile: SeccompProfile | undefined,
  privileged: boolean,
  directory: string,
): SecurityContext["seccomp"] {
  if (privileged) return { kind: "unconfined" };
  if (profile?.type === "RuntimeDefault") return { kind: "runtime-default" };
  if (profile?.type === "Localhost" && profile.localhostProfile !== undefined) {
    return { kind: "localhost", path: `${directory}/${profile.localhostProfile}` };
  }
  return { kind: "unconfined" };
}

/** What the sandbox's own process runs as. A privileged container needs a privileged sandbox. */
export function sandboxSecurity(pod: Pod): SecurityContext {
  const context = pod.spec?.securityContext ?? {};
  return {
    runAsUser: context.runAsUser,
    runAsGroup: context.runAsUser === undefined ? undefined : context.runAsGroup,
    supplementalGroups: podGroups(context),
    readonlyRootFilesystem: true,
    noNewPrivileges: false,
    privileged: hasPrivileged(pod),
    addCapabilities: [],
    dropCapabilities: [],
    seccomp: hasPrivileged(pod) ? { kind: "unconfined" } : { kind: "runtime-default" },
    maskedPaths: [],
    readonlyPaths: [],
  };
}

export function hasPrivileged(pod: Pod): boolean {
  const { containers = [], initContainers = [], ephemeralContainers = [] } = pod.spec ?? {};
  return [...containers, ...initContainers, ...ephemeralContainers].some(
    (it) => it.securityContext?.privileged === true,
  );
}

/** Whose processes the pod's containers see. */
export function pidNamespace(pod: Pod): NamespaceMode {
  if (pod.spec?.hostPID === true) return "node";
  return pod.spec?.shareProcessNamespace === true ? "pod" : "container";
}

/**
 * Why the container may not run: it must not be root, and would be, or may be. Undefined: it may.
 * Upstream: `pkg/kubelet/kuberuntime/security_context.go`, verifyRunAsNonRoot.
 */
export function nonRootProblem(
  pod: Pod,
  container: Container,
  ofImage: Pick<ImageStatus, "uid" | "username">,
): string | undefined {
  const image = namedUser(pod, container) ?? ofImage;
  const podContext = pod.spec?.securityContext ?? {};
  const own = container.securityContext ?? {};
  if ((own.runAsNonRoot ?? podContext.runAsNonRoot) !== true) return undefined;
  const runAsUser = own.runAsUser ?? podContext.runAsUser;
  const where = `(pod: "${podTitle(pod)}", container: ${container.name})`;
  if (runAsUser !== undefined) {
    return runAsUser === 0 ? `container's runAsUser breaks non-root policy ${where}` : undefined;
  }
  if (image.uid === 0 || (image.uid === undefined && image.username === "")) {
    return `container has runAsNonRoot and image will run as root ${where}`;
  }
  if (image.uid === undefined) {
    return `container has runAsNonRoot and image has non-numeric user (${image.username}), cannot verify user is non-root ${where}`;
  }
  return undefined;
}
