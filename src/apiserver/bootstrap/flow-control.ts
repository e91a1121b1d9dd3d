import type { JsonObject } from "#api/object.ts";

export const flowControlGroup = "flowcontrol.apiserver.k8s.io";

interface LevelRow {
  readonly name: string;
  readonly shares: number;
  readonly lendablePercent: number;
  /** Undefined: requests over the limit are rejected. */
  readonly queues?: readonly [queues: number, handSize: number];
}

interface SchemaRow {
  readonly name: string;
  readonly level: string;
  readonly precedence: number;
  readonly distinguisher?: "ByUser" | "ByNamespace";
  /** `User x`, `Group x`, `ServiceAccount namespace/name`. */
  readonly subjects: readonly string[];
  /** `verbs groups resources [cluster]`; `core` is the core group. */
  readonly resources?: readonly string[];
  /** `verbs /paths`. */
  readonly paths?: readonly string[];
}

// Facts: apiserver `pkg/apis/flowcontrol/bootstrap/default.go`.
const levels: readonly LevelRow[] = [
  { name: "catch-all", shares: 5, lendablePercent: 0 },
  { name: "system", shares: 30, lendablePercent: 33, queues: [64, 6] },
  { name: "node-high", shares: 40, lendablePercent: 25, queues: [64, 6] },
  { name: "leader-election", shares: 10, lendablePercent: 0, queues: [16, 4] },
  { name: "workload-high", shares: 40, lendablePercent: 50, queues: [128, 6] },
  { name: "workload-low", shares: 100, lendablePercent: 90, queues: [128, 6] },
  { name: "global-default", shares: 20, lendablePercent: 50, queues: [128, 6] },
];

const everybody = ["Group system:unauthenticated", "Group system:authenticated"];
const everything = { resources: ["* * * cluster"], paths: ["* *"] };

const schemas: readonly SchemaRow[] = [
  {
    name: "exempt",
    level: "exempt",
    precedence: 1,
    subjects: ["Group system:masters"],
    ...everything,
  },
  {
    name: "probes",
    level: "exempt",
    precedence: 2,
    subjects: everybody,
    paths: ["get /healthz,/readyz,/livez"],
  },
  {
    name: "system-leader-election",
    level: "leader-election",
    precedence: 100,
    distinguisher: "ByUser",
    subjects: [
      "User system:kube-controller-manager",
      "User system:kube-scheduler",
      "ServiceAccount kube-system/*",
    ],
    resources: ["get,create,update coordination.k8s.io leases"],
  },
  {
    name: "system-node-high",
    level: "node-high",
    precedence: 400,
    distinguisher: "ByUser",
    subjects: ["Group system:nodes"],
    resources: ["* core nodes,nodes/status cluster", "* coordination.k8s.io leases"],
  },
  {
    name: "system-nodes",
    level: "system",
    precedence: 500,
    distinguisher: "ByUser",
    subjects: ["Group system:nodes"],
    ...everything,
  },
  {
    name: "kube-controller-manager",
    level: "workload-high",
    precedence: 800,
    distinguisher: "ByNamespace",
    subjects: ["User system:kube-controller-manager"],
    ...everything,
  },
  {
    name: "kube-scheduler",
    level: "workload-high",
    precedence: 800,
    distinguisher: "ByNamespace",
    subjects: ["User system:kube-scheduler"],
    ...everything,
  },
  {
    name: "kube-system-service-accounts",
    level: "workload-high",
    precedence: 900,
    distinguisher: "ByNamespace",
    subjects: ["ServiceAccount kube-system/*"],
    ...everything,
  },
  {
    name: "service-accounts",
    level: "workload-low",
    precedence: 9000,
    distinguisher: "ByUser",
    subjects: ["Group system:serviceaccounts"],
    ...everything,
  },
  {
    name: "global-default",
    level: "global-default",
    precedence: 9900,
    distinguisher: "ByUser",
    subjects: everybody,
    ...everything,
  },
  {
    name: "catch-all",
    level: "catch-all",
    precedence: 10000,
    distinguisher: "ByUser",
    subjects: everybody,
    ...everything,
  },
];

/** The mandatory and the suggested PriorityLevelConfigurations. */
export function priorityLevels(): JsonObject[] {
  const exempt = { type: "Exempt", exempt: { nominalConcurrencyShares: 0, lendablePercent: 0 } };
  return [
    objectOf("PriorityLevelConfiguration", "exempt", exempt),
    ...levels.map((it) => objectOf("PriorityLevelConfiguration", it.name, levelSpec(it))),
  ];
}

/** The mandatory and the suggested FlowSchemas. */
export function flowSchemas(): JsonObject[] {
  return schemas.map((it) => objectOf("FlowSchema", it.name, schemaSpec(it)));
}

function objectOf(kind: string, name: string, spec: JsonObject): JsonObject {
  return {
    apiVersion: `${flowControlGroup}/v1`,
    kind,
    metadata: { name, annotations: { "apf.kubernetes.io/autoupdate-spec": "true" } },
    spec,
  };
}

function levelSpec(row: LevelRow): JsonObject {
  const [queues, handSize] = row.queues ?? [0, 0];
  const limitResponse: JsonObject =
    row.queues === undefined
      ? { type: "Reject" }
      : { type: "Queue", queuing: { queues, handSize, queueLengthLimit: 50 } };
  const { shares, lendablePercent } = row;
  return {
    type: "Limited",
    limited: { nominalConcurrencyShares: shares, lendablePercent, limitResponse },
  };
}

function schemaSpec(row: SchemaRow): JsonObject {
  const rule: JsonObject = {
    subjects: row.subjects.map(subjectOf),
    ...(row.resources === undefined ? {} : { resourceRules: row.resources.map(resourceRule) }),
    ...(row.paths === undefined ? {} : { nonResourceRules: row.paths.map(pathRule) }),
  };
  return {
    priorityLevelConfiguration: { name: row.level },
    matchingPrecedence: row.precedence,
    ...(row.distinguisher === undefined
      ? {}
      : { distinguisherMethod: { type: row.distinguisher } }),
    rules: [rule],
  };
}

function subjectOf(text: string): JsonObject {
  const [kind = "", name = ""] = text.split(" ");
  if (kind === "User") return { kind, user: { name } };
  if (kind === "Group") return { kind, group: { name } };
  const [namespace = "", account = ""] = name.split("/");
  return { kind, serviceAccount: { name: account, namespace } };
}

function resourceRule(text: string): JsonObject {
  const [verbs = "", groups = "", resources = "", cluster] = text.split(" ");
  return {
    verbs: verbs.split(","),
    apiGroups: groups.split(",").map((it) => (it === "core" ? "" : it)),
    resources: resources.split(","),
    namespaces: ["*"],
    ...(cluster === undefined ? {} : { clusterScope: true }),
  };
}

function pathRule(text: string): JsonObject {
  const [verbs = "", paths = ""] = text.split(" ");
  return { verbs: verbs.split(","), nonResourceURLs: paths.split(",") };
}
