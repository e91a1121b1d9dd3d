import type { PodHost } from "#kubelet/ports.ts";

/** Gives pods nothing: for nodes whose containers are simulated, thousands in one process. */
export const bareHost: PodHost = {
  prepare: () => Promise.resolve(),
  resize: () => Promise.resolve(),
  showImage: () => Promise.resolve(),
  fillVolume: () => Promise.resolve(),
  cgroupParent: () => "",
  logDirectory: () => "",
  containerFiles: () => Promise.resolve({ mounts: [], messageFile: "" }),
  terminationMessage: () => Promise.resolve(""),
  tearDown: () => Promise.resolve(),
  forget: () => Promise.resolve(),
};
