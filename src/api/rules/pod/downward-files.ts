import type { DownwardAPIVolumeFile } from "#api/gen/types.ts";
import type { Faults } from "#api/rules/faults.ts";
import type { Loose } from "#api/rules/rules.ts";
import { checkFieldRef, checkResourceRef, volumeFields } from "./env.ts";
import { checkFileMode, checkNotReserved } from "./paths.ts";

/** A file of the downward API; upstream reports its faults at the volume, without an index. */
export function checkDownwardFile(file: Loose<DownwardAPIVolumeFile>, at: Faults): void {
  const path = file.path ?? "";
  if (path === "") at.required("path");
  checkNotReserved("path", path, at);
  if (file.fieldRef !== undefined) {
    checkFieldRef("fieldRef", file.fieldRef, volumeFields, at);
    if (file.resourceFieldRef !== undefined) {
      const detail = "fieldRef and resourceFieldRef can not be specified simultaneously";
      at.invalid("", "resource", detail);
    }
  } else if (file.resourceFieldRef !== undefined) {
    checkResourceRef(file.resourceFieldRef, true, at);
  } else {
    at.required("", "one of fieldRef and resourceFieldRef is required");
  }
  checkFileMode("mode", file.mode, at);
}
