import type { JsonObject } from "#api/object.ts";

const time = "2026-01-01T00:00:00Z";
const image = "registry.example/web/server:v1.2.3";

function container(settings: number): JsonObject {
  return {
    name: "server",
    image,
    env: Array.from({ length: settings }, (_, k) => ({
      name: `SETTING_${k}`,
      value: `value-of-setting-${k}-that-is-of-some-length`,
    })),
    ports: [{ containerPort: 8080, protocol: "TCP" }],
    resources: {
      requests: { cpu: "100m", memory: "128Mi" },
      limits: { cpu: "1", memory: "1Gi" },
    },
    livenessProbe: {
      httpGet: { path: "/healthz", port: 8080, scheme: "HTTP" },
      timeoutSeconds: 1,
      periodSeconds: 10,
      successThreshold: 1,
      failureThreshold: 3,
    },
    terminationMessagePath: "/dev/termination-log",
    terminationMessagePolicy: "File",
    imagePullPolicy: "IfNotPresent",
  };
}

function metadata(i: number): JsonObject {
  return {
    labels: { app: `app-${i % 200}`, tier: "web", "pod-template-hash": `h${i % 500}` },
    annotations: { "example.com/checksum": "0123456789abcdef0123456789abcdef" },
  };
}

export function podName(i: number): string {
  return `web-${String(i).padStart(6, "0")}`;
}

/** A running pod as it is stored: about 3 KB of JSON. `sent` goes into an annotation. */
export function storedPod(i: number, sent?: string): JsonObject {
  const base = metadata(i);
  const annotations = base["annotations"] as JsonObject;
  return {
    metadata: {
      name: podName(i),
      namespace: "default",
      uid: `00000000-0000-4000-8000-${String(i).padStart(12, "0")}`,
      creationTimestamp: time,
      generation: 1,
      ...base,
      ...(sent === undefined ? {} : { annotations: { ...annotations, sent } }),
    },
    spec: {
      containers: [container(12)],
      restartPolicy: "Always",
      terminationGracePeriodSeconds: 30,
      dnsPolicy: "ClusterFirst",
      serviceAccountName: "default",
      serviceAccount: "default",
      nodeName: `node-${i % 1_000}`,
      securityContext: {},
      schedulerName: "default-scheduler",
      tolerations: ["not-ready", "unreachable"].map((it) => ({
        key: `node.kubernetes.io/${it}`,
        operator: "Exists",
        effect: "NoExecute",
        tolerationSeconds: 300,
      })),
      priority: 0,
      enableServiceLinks: true,
      preemptionPolicy: "PreemptLowerPriority",
    },
    status: statusOf(i),
  };
}

function statusOf(i: number): JsonObject {
  const podIP = `10.1.${(i >> 8) & 255}.${i & 255}`;
  return {
    phase: "Running",
    conditions: ["Initialized", "Ready", "ContainersReady", "PodScheduled"].map((type) => ({
      type,
      status: "True",
      lastProbeTime: null,
      lastTransitionTime: time,
    })),
    hostIP: "10.0.0.1",
    podIP,
    podIPs: [{ ip: podIP }],
    startTime: time,
    containerStatuses: [
      {
        name: "server",
        state: { running: { startedAt: time } },
        lastState: {},
        ready: true,
        restartCount: 0,
        image,
        imageID: "registry.example/web/server@sha256:0123456789abcdef",
        containerID: "containerd://0123456789abcdef0123456789abcdef0123456789abcdef",
        started: true,
      },
    ],
    qosClass: "Burstable",
  };
}

/** A pod as a controller posts it: about 1.2 KB of JSON, some 2 KB when stored. */
export function postedPod(name: string, i: number): JsonObject {
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name, ...metadata(i) },
    spec: { containers: [container(6)], restartPolicy: "Always" },
  };
}

/** A node with room for 110 pods, one of 3 zones. */
export function sampleNode(i: number): JsonObject {
  const name = `node-${i}`;
  const amounts = { cpu: "32", memory: "128Gi", pods: "110", "ephemeral-storage": "100Gi" };
  const labels = {
    "kubernetes.io/hostname": name,
    "kubernetes.io/os": "linux",
    "topology.kubernetes.io/zone": `zone-${i % 3}`,
  };
  return {
    apiVersion: "v1",
    kind: "Node",
    metadata: { name, labels },
    status: {
      capacity: amounts,
      allocatable: amounts,
      conditions: [{ type: "Ready", status: "True", reason: "KubeletReady", message: "" }],
    },
  };
}
