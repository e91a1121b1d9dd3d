import { present } from "#base/present.ts";
import type { Develop, Hook, Watch } from "./model.ts";
import { resolvePath, type Place } from "./read-mounts.ts";
import type { Reading } from "./reading.ts";
import { wordsOf } from "./shell-words.ts";

export function readHook(at: Reading): Hook {
  return present<Hook>({
    ...at.extensions(),
    command: wordsOf(at.at("command")) ?? [],
    user: at.at("user").text(),
    privileged: at.at("privileged").flag(),
    working_dir: at.at("working_dir").text(),
    environment: at.at("environment").pairs(),
  });
}

const actions = ["rebuild", "sync", "restart", "sync+restart", "sync+exec"] as const;

/** Undefined when absent. */
export function readDevelop(at: Reading, place: Place): Develop | undefined {
  if (at.isAbsent) return undefined;
  return present<Develop>({ watch: at.at("watch").listOf((it) => readWatch(it, place)) });
}

function readWatch(at: Reading, place: Place): Watch {
  const action = at.at("action").oneOf(actions) ?? "rebuild";
  const target = at.at("target").text();
  if (target === undefined && action.startsWith("sync")) {
    throw at.fail(`missing property 'target', which ${action} needs`);
  }
  const exec = at.at("exec");
  return present<Watch>({
    path: resolvePath(at.at("path").needed(), place),
    action,
    target,
    ignore: at.at("ignore").texts(),
    include: at.at("include").texts(),
    exec: exec.isAbsent ? undefined : readHook(exec),
    initial_sync: at.at("initial_sync").flag(),
  });
}
