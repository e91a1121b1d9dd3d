import { childList, childObject, childString, isJsonObject, type JsonObject } from "#api/object.ts";
import { badRequest } from "#api/status.ts";

/** kubectl's choice among several containers; clients that name none get the same one. */
const defaultContainerAnnotation = "kubectl.kubernetes.io/default-container";

/**
 * The container that a request means. Messages as in upstream
 * `pkg/registry/core/pod/strategy.go`, validateContainer. @throws {StatusError} 400.
 */
export function chooseContainer(pod: JsonObject, asked: string | null): string {
  const name = childString(childObject(pod, "metadata"), "name") ?? "";
  const names = containerNames(pod);
  if (asked !== null && asked !== "") {
    if (names.includes(asked)) return asked;
    throw badRequest(`container ${asked} is not valid for pod ${name}`);
  }
  const regular = namesIn(pod, "containers");
  const [only] = regular;
  if (only !== undefined && regular.length === 1) return only;
  const annotations = childObject(childObject(pod, "metadata"), "annotations");
  const preferred = childString(annotations, defaultContainerAnnotation);
  if (preferred !== undefined && names.includes(preferred)) return preferred;
  const choice = names.length === 0 ? "" : `, choose one of: [${names.join(" ")}]`;
  throw badRequest(`a container name must be specified for pod ${name}${choice}`);
}

/** In the order of upstream's visitor: init, regular, ephemeral. */
function containerNames(pod: JsonObject): readonly string[] {
  return ["initContainers", "containers", "ephemeralContainers"].flatMap((it) => namesIn(pod, it));
}

function namesIn(pod: JsonObject, field: string): readonly string[] {
  return childList(childObject(pod, "spec"), field)
    .filter(isJsonObject)
    .map((it) => childString(it, "name") ?? "");
}
