import { childString } from "#api/object.ts";
import { isStatus, notFound } from "#api/status.ts";
import type { ObjectSink, UserInfo } from "#apiserver/contract.ts";
import { createObject } from "./create.ts";
import type { Kind, RegistryPorts, WriteTarget } from "./kind.ts";
import { metadataOf } from "./metadata.ts";
import { changeObject } from "./update.ts";
import { trackerOf } from "./ownership.ts";
import type { WriteOptions } from "./write-options.ts";

/** Who writes when the server writes for itself. */
const self: UserInfo = {
  name: "system:apiserver",
  uid: "",
  groups: ["system:masters", "system:authenticated"],
  extra: {},
};

const options: WriteOptions = {
  dryRun: false,
  fieldManager: "kube-apiserver",
  fieldValidation: "Ignore",
  force: undefined,
};

/** Writes of the server itself, through the same rules as anybody's but authorization. */
export function objectSink(
  ports: RegistryPorts,
  kindOf: (plural: string, group: string) => Kind,
): ObjectSink {
  function target(
    kind: Kind,
    at: { readonly namespace: string; readonly name: string },
    signal: AbortSignal,
  ): WriteTarget {
    return { kind, user: self, ...at, subresource: "", signal };
  }
  return {
    async ensure(plural, group, object, signal) {
      const kind = kindOf(plural, group);
      const own = structuredClone(object);
      kind.strategy.default(own);
      const namespace = childString(metadataOf(own), "namespace") ?? "";
      try {
        await createObject(ports, {
          target: target(kind, { namespace, name: "" }, signal),
          object: own,
          options,
          track: trackerOf(ports, kind, { options, subresource: "" }),
          warn: () => undefined,
        });
        return true;
      } catch (error) {
        if (isStatus(error, "AlreadyExists")) return false;
        throw error;
      }
    },
    async change(plural, group, at, ...[change, signal]) {
      const kind = kindOf(plural, group);
      await changeObject(ports, {
        target: target(kind, at, signal),
        options,
        part: at.part ?? "object",
        track: trackerOf(ports, kind, { options, subresource: at.part ?? "" }),
        warn: () => undefined,
        next: (previous) => change(structuredClone(previous)) ?? previous,
      });
    },
  };
}

/** The kind of a name, or 404. */
export function kindFinder(
  kinds: ReadonlyMap<string, Kind>,
): (plural: string, group: string) => Kind {
  return (plural, group) => {
    const found = kinds.get(`${group}/${plural}`);
    if (found === undefined) throw notFound({ group, plural }, "");
    return found;
  };
}
