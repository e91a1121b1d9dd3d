/**
 * The architecture, as data. A module imports itself, and the modules listed for it, all of them
 * from layers above it in this file. `tidy.test.ts` fails on any other import.
 * Adding a name here is an architecture change: say why in the commit message.
 */
export const layers: readonly Readonly<Record<string, readonly string[]>>[] = [
  // 0. Knows nothing about us. Could be in the standard library.
  { base: [] },

  // 1. Data and rules. Pure: no node:* imports, no clock, no promises that wait for the world.
  { api: ["base"], oci: ["base"] },

  // 1b. The language of workflows.
  { dag: ["base", "api"] },

  // 1c. How streams of bytes travel: clients, servers and the container runtime's client speak it.
  { streaming: ["base"] },

  // 2. One kind of I/O each, behind a small interface with a conformance suite.
  {
    store: ["base"],
    client: ["base", "api", "streaming"],
    pki: ["base"],
    sql: ["base"],
  },

  // 2a. Images on disk, which the registry serves, builds fill, and commands move about.
  { images: ["base", "oci"] },

  // 2b. The container runtime's client speaks SPDY to its streaming server.
  { cri: ["base", "oci", "streaming"] },

  // 3. The one reconcile loop.
  { reconcile: ["base", "api", "client"] },

  // 4. Components. They never import each other; they meet in the API.
  {
    apiserver: ["base", "api", "store", "streaming", "pki"],
    scheduler: ["base", "api", "client", "reconcile"],
    controllers: ["base", "api", "client", "reconcile"],
    kubelet: ["base", "oci", "api", "client", "reconcile", "cri", "streaming", "pki"],
    proxy: ["base", "api", "client", "reconcile"],
    registry: ["base", "oci", "images", "pki"],
    build: ["base", "oci", "images"],
    metrics: ["base", "api", "client", "reconcile"],
    dns: ["base", "api", "client", "reconcile"],
    network: ["base", "api", "client", "reconcile"],
    ingress: ["base", "api", "client", "reconcile", "pki"],
    workflows: ["base", "api", "dag", "sql", "client"],
  },

  // 5. Composition: the only code that sees everything.
  { cli: ["base", "api", "client", "streaming"] },
  // Containers one by one, as Docker's commands run them.
  { containers: ["base", "api", "client", "oci", "cli"] },
  // Compose files are another way to say what runs; its verbs are those of the command line.
  { compose: ["base", "api", "client", "cli", "containers"] },
  { testing: ["*"], main: ["*"] },
];

/** Modules that may not touch the world at all. */
export const pureModules: readonly string[] = ["api", "oci", "dag"];

/** The folders of `main`, from the ground up: each imports itself and those before it. */
export const foldersOfMain: readonly string[] = [
  "process",
  "network",
  "command-line",
  "control-plane",
  "node",
  "images",
  "build",
  "containers",
  "compose",
  "workflows",
  "cluster",
];
