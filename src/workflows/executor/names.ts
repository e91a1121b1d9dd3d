/** Executors that run tasks themselves. */
export const executorKinds = [
  "LocalExecutor",
  "SequentialExecutor",
  "KubernetesExecutor",
  "CeleryExecutor",
] as const;
export type ExecutorKind = (typeof executorKinds)[number];

/** Executors that choose between two others by a task's queue. */
const hybrids: Readonly<Record<string, ExecutorKind>> = {
  LocalKubernetesExecutor: "LocalExecutor",
  CeleryKubernetesExecutor: "CeleryExecutor",
};

/** What `--executor` names. */
export interface ExecutorChoice {
  /** Executors to open, by the name that tasks use; aliases included. */
  readonly kinds: ReadonlyMap<string, ExecutorKind>;
  /** Names that stand for two executors. */
  readonly routes: ReadonlyMap<string, Route>;
  /** For tasks that name none. */
  readonly standard: string;
}

export interface Route {
  readonly queue: string;
  /** For tasks of the queue. */
  readonly matching: string;
  readonly others: string;
}

/**
 * Reads a list such as `LocalExecutor,KubernetesExecutor` or `CeleryKubernetesExecutor`; the first is
 * the standard. `alias:Name` gives another name. @param kubernetesQueue for the hybrid ones.
 * @throws {Error} naming what is wrong.
 */
export function parseExecutors(text: string, kubernetesQueue: string): ExecutorChoice {
  const kinds = new Map<string, ExecutorKind>();
  const routes = new Map<string, Route>();
  const names: string[] = [];
  const open = (name: string, kind: ExecutorKind): void => {
    if ([...kinds.values()].includes(kind)) {
      throw new Error(`--executor ${text}: ${kind} is named twice`);
    }
    kinds.set(name, kind);
  };
  for (const part of text.split(",").map((it) => it.trim())) {
    const [alias = "", given] = part.split(":").map((it) => it.trim());
    const kind = given ?? alias;
    if (names.includes(alias)) throw new Error(`--executor ${text}: ${alias} is named twice`);
    names.push(alias);
    const other = hybrids[kind];
    if (other !== undefined) {
      open(other, other);
      open("KubernetesExecutor", "KubernetesExecutor");
      const route = { queue: kubernetesQueue, matching: "KubernetesExecutor", others: other };
      routes.set(alias, route);
    } else if (isKind(kind)) open(alias, kind);
    else {
      const known = [...executorKinds, ...Object.keys(hybrids)].join(", ");
      throw new Error(`--executor ${text}: there is no '${kind}'; there are ${known}`);
    }
  }
  return { kinds, routes, standard: names[0] ?? "LocalExecutor" };
}

function isKind(name: string): name is ExecutorKind {
  return (executorKinds as readonly string[]).includes(name);
}

/** The executor that a task goes to. */
export function executorOf(
  choice: Pick<ExecutorChoice, "routes" | "standard">,
  task: { readonly executor: string | undefined; readonly queue: string },
): string {
  const name = task.executor ?? choice.standard;
  const route = choice.routes.get(name);
  if (route === undefined) return name;
  return task.queue === route.queue ? route.matching : route.others;
}
