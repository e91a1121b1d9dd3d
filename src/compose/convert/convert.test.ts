import assert from "node:assert/strict";
import { test } from "node:test";
import type { Deployment, Job, NetworkPolicy, Service as ClusterService } from "#api/gen/types.ts";
import { objectName } from "#api/names.ts";
import { loadProject } from "#compose/project/load.ts";
import { convert, type Manifests } from "./convert.ts";
import { literal } from "#containers/plan/dollars.ts";
import { templateLabel } from "./names.ts";

async function converted(
  text: string,
  publish: "host-port" | "load-balancer" | "node-port" = "host-port",
): Promise<Manifests> {
  const { project } = await loadProject(
    { files: ["/shop/compose.yaml"] },
    {
      read: (path) => Promise.resolve(path === "/shop/compose.yaml" ? text : undefined),
      environment: {},
      workingDirectory: "/shop",
      home: "/root",
      warn: () => undefined,
    },
  );
  const contents = { configs: { c: Buffer.from("x") }, secrets: { s: Buffer.from("y") } };
  return convert(project, { publish, contents, isFile: (path) => path.endsWith(".conf") });
}

async function podOf(service: string): Promise<NonNullable<Deployment["spec"]>["template"]> {
  const body = service.replaceAll(/^/gm, "    ");
  const manifests = await converted(
    `services:\n  a:\n    image: i\n${body}\nvolumes: {data: {}}\nconfigs: {c: {content: x}}\nsecrets: {s: {content: y}}`,
  );
  const workload = manifests.workloads["a"] as Deployment;
  assert.ok(workload.spec !== undefined);
  return workload.spec.template;
}

const containers: readonly (readonly [service: string, want: object])[] = [
  ["command: [a, $$(B)]", { args: ["a", "$$(B)"] }],
  ["entrypoint: [e]\ncommand: c", { command: ["e"], args: ["c"] }],
  ["environment: {A: $$(B) $$C}", { env: [{ name: "A", value: "$$(B) $C" }] }],
  ['ports: ["8080:80"]', { ports: [{ containerPort: 80, protocol: "TCP", hostPort: 8080 }] }],
  [
    'ports: ["127.0.0.1:53:53/udp"]',
    { ports: [{ containerPort: 53, protocol: "UDP", hostPort: 53, hostIP: "127.0.0.1" }] },
  ],
  ["expose: [1]", { ports: [{ containerPort: 1, protocol: "TCP" }] }],
  ["user: '1:2'", { securityContext: { runAsUser: 1, runAsGroup: 2 } }],
  [
    "cap_drop: [ALL]\ncap_add: [net_admin]\nread_only: true",
    {
      securityContext: {
        readOnlyRootFilesystem: true,
        capabilities: { add: ["NET_ADMIN"], drop: ["ALL"] },
      },
    },
  ],
  [
    "deploy: {resources: {limits: {cpus: '0.5', memory: 64m}, reservations: {memory: 32m}}}",
    {
      resources: {
        limits: { cpu: "500m", memory: "67108864" },
        requests: { memory: "33554432" },
      },
    },
  ],
  ["pull_policy: always", { imagePullPolicy: "Always" }],
  ["working_dir: /w\ntty: true\nstdin_open: true", { workingDir: "/w", tty: true, stdin: true }],
];

for (const [service, want] of containers) {
  test(`convert: container of ${JSON.stringify(service)}`, async () => {
    const [container] = (await podOf(service)).spec?.containers ?? [];
    const usual = { name: "a", image: "i", imagePullPolicy: "IfNotPresent" };
    assert.deepEqual(container, { ...usual, ...want });
  });
}

test("convert: a health check looks often at first, and ends nothing", async () => {
  const pod = await podOf(
    "healthcheck: {test: curl x, interval: 30s, timeout: 10s, retries: 5, start_period: 30s}",
  );
  const [container] = pod.spec?.containers ?? [];
  const exec = { command: ["/bin/sh", "-c", "curl x"] };
  assert.deepEqual(container?.readinessProbe, {
    exec,
    timeoutSeconds: 10,
    periodSeconds: 30,
    failureThreshold: 5,
  });
  assert.equal(container.startupProbe?.periodSeconds, 5);
  assert.equal(container.livenessProbe, undefined);
  const none = await podOf("healthcheck: {disable: true}");
  assert.equal(none.spec?.containers[0]?.readinessProbe, undefined);
});

test("convert: volumes of every kind", async () => {
  const pod = await podOf(`volumes:
  - data:/one
  - data:/two:ro
  - ./dir:/three
  - ./a.conf:/four
  - /five
tmpfs: ["/six:size=1m"]
shm_size: 1k
configs: [c]
secrets: [{source: s, target: /etc/s, mode: 0400}]`);
  const [container] = pod.spec?.containers ?? [];
  const sources = Object.fromEntries(
    (pod.spec?.volumes ?? []).map(({ name, ...source }) => [name, source]),
  );
  const mounted = (container?.volumeMounts ?? []).map(({ name, ...mount }) => [
    sources[name],
    mount,
  ]);
  const claim = { persistentVolumeClaim: { claimName: "data" } };
  assert.deepEqual(mounted, [
    [claim, { mountPath: "/one" }],
    [claim, { mountPath: "/two", readOnly: true }],
    [{ hostPath: { path: "/shop/dir", type: "DirectoryOrCreate" } }, { mountPath: "/three" }],
    [{ hostPath: { path: "/shop/a.conf" } }, { mountPath: "/four" }],
    [{ emptyDir: {} }, { mountPath: "/five" }],
    [{ emptyDir: { medium: "Memory", sizeLimit: "1Mi" } }, { mountPath: "/six" }],
    [{ emptyDir: { medium: "Memory", sizeLimit: "1024" } }, { mountPath: "/dev/shm" }],
    [
      { configMap: { name: "c", defaultMode: 0o444 } },
      { mountPath: "/c", subPath: "content", readOnly: true },
    ],
    [
      { secret: { secretName: "s", defaultMode: 0o400 } },
      { mountPath: "/etc/s", subPath: "content", readOnly: true },
    ],
  ]);
});

const kinds: readonly (readonly [service: string, kind: string])[] = [
  ["restart: always", "Deployment"],
  ["tty: true", "Deployment"],
  ["restart: 'no'", "Job"],
  ["restart: on-failure:2", "Job"],
  ["deploy: {mode: global}", "DaemonSet"],
  ["deploy: {mode: replicated-job}", "Job"],
  ["deploy: {restart_policy: {condition: on-failure, max_attempts: 3}}", "Job"],
];

for (const [service, kind] of kinds) {
  test(`convert: ${service} makes a ${kind}`, async () => {
    const { workloads } = await converted(
      `services:\n  a:\n    image: i\n    ${service}\n  b: {image: i, depends_on: [a]}`,
    );
    assert.equal(workloads["a"]?.kind, kind);
    assert.equal(workloads["b"]?.kind, "Deployment");
  });
}

test("convert: what others wait to end is a Job", async () => {
  const { workloads } = await converted(`services:
  init: {image: i}
  app: {image: i, depends_on: {init: {condition: service_completed_successfully}}}`);
  const job = workloads["init"] as Job;
  assert.equal(job.kind, "Job");
  assert.equal(job.spec?.backoffLimit, 0);
  assert.equal(job.spec.template.spec?.restartPolicy, "Never");
});

function servicesOf({ shared }: Manifests): Record<string, ClusterService> {
  const found = shared.filter((it): it is ClusterService => it.kind === "Service");
  return Object.fromEntries(found.map((it) => [it.metadata?.name ?? "", it]));
}

test("convert: names resolve to pods from the start; aliases and links do, too", async () => {
  const manifests = await converted(`services:
  web: {image: i, ports: ["8080:80"], links: [db:database]}
  db: {image: i, container_name: my_db, networks: {default: {aliases: [postgres]}}}`);
  const services = servicesOf(manifests);
  assert.deepEqual(Object.keys(services).sort(), ["database", "db", "my-db", "postgres", "web"]);
  assert.equal(services["db"]?.spec?.clusterIP, "None");
  assert.equal(services["db"].spec.publishNotReadyAddresses, true);
  assert.deepEqual(services["postgres"]?.spec?.selector, services["db"].spec.selector);
  assert.deepEqual(manifests.warnings, ["the name my_db is my-db in the cluster"]);
});

test("convert: published ports by a load balancer, by node ports, or by the node itself", async () => {
  const file = 'services: {web: {image: i, ports: ["8080:80", "81"]}}';
  const typeOf = async (how: "host-port" | "load-balancer" | "node-port") =>
    servicesOf(await converted(file, how))["web-published"]?.spec;
  assert.equal((await typeOf("node-port"))?.type, "NodePort");
  // A port without a number on the outside gets one of the nodes'.
  assert.deepEqual(
    (await typeOf("host-port"))?.ports?.map((it) => it.targetPort),
    [81],
  );
  const one = await converted('services: {web: {image: i, ports: ["8080:80"]}}', "load-balancer");
  const balanced = servicesOf(one)["web-published"]?.spec;
  assert.equal(balanced?.type, "LoadBalancer");
  assert.deepEqual(balanced.ports, [
    { name: "tcp-8080", port: 8080, targetPort: 80, protocol: "TCP" },
  ]);
});

test("convert: networks that differ keep services apart", async () => {
  const { shared } = await converted(`services:
  web: {image: i, networks: [front, back], ports: ["80:80"]}
  db: {image: i, networks: [back]}
networks: {front: {}, back: {}}`);
  const policies = shared.filter((it): it is NetworkPolicy => it.kind === "NetworkPolicy");
  const ingress = policies.map((it) => [it.metadata?.name, it.spec?.ingress?.length]);
  assert.deepEqual(ingress, [
    ["web", 2],
    ["db", 1],
  ]);
  const together = await converted("services: {a: {image: i}, b: {image: i}}");
  assert.equal(together.shared.filter((it) => it.kind === "NetworkPolicy").length, 0);
});

test("convert: a user with a name, for the node to look up, and a stop signal", async () => {
  const { workloads } = await converted("services: {a: {image: i, user: me, stop_signal: INT}}");
  const template = (workloads["a"] as Deployment).spec?.template;
  assert.deepEqual(template?.metadata?.annotations, { "user.gantry.dev/a": "me" });
  assert.deepEqual(template.spec?.containers[0]?.lifecycle, { stopSignal: "SIGINT" });
  assert.deepEqual(template.spec.os, { name: "linux" });
});

test("convert: what is lost is told", async () => {
  const { warnings } = await converted("services: {a: {image: i, ulimits: {nofile: 1}}}");
  assert.deepEqual(warnings, [
    "services.a.ulimits is ignored: pods have the limits of the container runtime",
  ]);
});

test("convert: a volume or a port of the node is held by one pod at a time", async () => {
  const strategy = async (text: string) =>
    ((await converted(text)).workloads["a"] as Deployment).spec?.strategy?.type;
  assert.equal(await strategy("services: {a: {image: i}}"), "RollingUpdate");
  assert.equal(await strategy('services: {a: {image: i, ports: ["1:1"]}}'), "Recreate");
  const file = "services: {a: {image: i, volumes: ['v:/d']}}\nvolumes: {v: {}}";
  assert.equal(await strategy(file), "Recreate");
});

const dollars: readonly (readonly [text: string, want: string])[] = [
  ["$A", "$A"],
  ["$(A)", "$$(A)"],
  ["$$", "$$$"],
  ["$$(A)", "$$$$(A)"],
  ["a$", "a$"],
];

for (const [text, want] of dollars) {
  test(`literal: ${text}`, () => {
    assert.equal(literal(text), want);
  });
}

test("objectName: only what names of objects may have", () => {
  assert.equal(objectName("My_App.1"), "my-app-1");
  assert.equal(objectName("_x_"), "x");
  assert.ok(objectName("x".repeat(100)).length <= 63);
});

test("pods tell which state of their service's definition they are made from", async () => {
  const hash = async (text: string): Promise<string | undefined> =>
    (await podOf(text)).metadata?.labels?.[templateLabel];
  assert.equal(await hash("command: a"), await hash("command: a"));
  assert.notEqual(await hash("command: a"), await hash("command: b"));
  const { workloads } = await converted("services: {a: {image: i}}");
  const { spec } = workloads["a"] as Deployment;
  assert.equal(spec?.selector.matchLabels?.[templateLabel], undefined);
});

const pods: readonly (readonly [service: string, want: object])[] = [
  ["init: true", { shareProcessNamespace: true }],
  [
    "extra_hosts: [a=1.1.1.1, b=1.1.1.1, c=host-gateway]",
    { hostAliases: [{ ip: "1.1.1.1", hostnames: ["a", "b"] }] },
  ],
  [
    "platform: linux/arm64/v8",
    { nodeSelector: { "kubernetes.io/os": "linux", "kubernetes.io/arch": "arm64" } },
  ],
];

for (const [service, want] of pods) {
  test(`convert: pod of ${service}`, async () => {
    const { spec } = await podOf(service);
    for (const [key, value] of Object.entries(want)) {
      assert.deepEqual(Object.entries(spec ?? {}).find(([it]) => it === key)?.[1], value);
    }
  });
}

test("convert: hooks, one as it is, several in a shell", async () => {
  const one = await podOf("post_start: [{command: [touch, a b]}]");
  assert.deepEqual(one.spec?.containers[0]?.lifecycle, {
    postStart: { exec: { command: ["touch", "a b"] } },
  });
  const several = await podOf(
    "pre_stop: [{command: sync}, {command: [a, b c], working_dir: /w, environment: [X=1]}]",
  );
  assert.deepEqual(several.spec?.containers[0]?.lifecycle?.preStop?.exec?.command, [
    "/bin/sh",
    "-c",
    "'sync' && (cd '/w' && 'env' 'X=1' 'a' 'b c')",
  ]);
});

test("convert: where pods may be", async () => {
  const { spec } = await podOf(`deploy:
  placement:
    constraints: ["node.labels.disk == ssd", "node.role != manager", "node.platform.arch==x86_64", "engine.labels.x == y"]
    preferences: [{spread: node.labels.zone}]
    max_replicas_per_node: 1`);
  const terms = spec?.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
  assert.deepEqual(terms?.nodeSelectorTerms[0]?.matchExpressions, [
    { key: "disk", operator: "In", values: ["ssd"] },
    { key: "node-role.kubernetes.io/control-plane", operator: "DoesNotExist" },
    { key: "kubernetes.io/arch", operator: "In", values: ["amd64"] },
  ]);
  assert.equal(spec?.topologySpreadConstraints?.[0]?.topologyKey, "zone");
  const apart = spec.affinity?.podAntiAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
  assert.equal(apart?.[0]?.topologyKey, "kubernetes.io/hostname");
});

const updates: readonly (readonly [update: string, want: object])[] = [
  ["{}", { maxSurge: 0, maxUnavailable: 1 }],
  ["{parallelism: 2, order: start-first}", { maxSurge: 2, maxUnavailable: 0 }],
  ["{parallelism: 0}", { maxSurge: 0, maxUnavailable: "100%" }],
];

for (const [update, want] of updates) {
  test(`convert: update_config ${update}`, async () => {
    const { workloads } = await converted(
      `services: {a: {image: i, deploy: {update_config: ${update}}}}`,
    );
    assert.deepEqual((workloads["a"] as Deployment).spec?.strategy?.rollingUpdate, want);
  });
}

const described: readonly (readonly [options: string, want: object])[] = [
  ["{type: none, o: bind, device: /srv}", { hostPath: { path: "/srv" } }],
  [
    '{type: nfs, o: "addr=10.0.0.1,ro", device: ":/export"}',
    { nfs: { server: "10.0.0.1", path: "/export", readOnly: true } },
  ],
  ["{type: tmpfs, o: size=64m}", { emptyDir: { medium: "Memory", sizeLimit: "64Mi" } }],
  ["{size: 2Gi}", { persistentVolumeClaim: { claimName: "v" } }],
];

for (const [options, want] of described) {
  test(`convert: a volume of ${options}`, async () => {
    const { workloads, shared } = await converted(
      `services: {a: {image: i, volumes: [v:/v]}, b: {image: i, volumes_from: ["a:ro"]}}
volumes: {v: {driver_opts: ${options}}}`,
    );
    const own = (workloads["a"] as Deployment).spec?.template.spec;
    const { name, ...source } = own?.volumes?.[0] ?? { name: "" };
    assert.deepEqual(source, want);
    const taken = (workloads["b"] as Deployment).spec?.template.spec?.containers[0]?.volumeMounts;
    assert.deepEqual(taken, [{ name, mountPath: "/v", readOnly: true }]);
    const isClaimed = shared.some((it) => it.kind === "PersistentVolumeClaim");
    assert.equal(isClaimed, "persistentVolumeClaim" in want);
  });
}

test("convert: an image as a volume", async () => {
  const pod = await podOf("volumes: [{type: image, source: x:1, target: /x, image: {subpath: y}}]");
  assert.deepEqual(pod.spec?.volumes, [{ name: "volume-1", image: { reference: "x:1" } }]);
  assert.equal(pod.spec.containers[0]?.volumeMounts?.[0]?.subPath, "y");
});

test("convert: services of internal networks reach no others; without a network, nobody", async () => {
  const { shared } = await converted(`services:
  a: {image: i, networks: [inside]}
  b: {image: i, network_mode: none}
networks: {inside: {internal: true}}`);
  const policies = shared.filter((it): it is NetworkPolicy => it.kind === "NetworkPolicy");
  const [inside, none] = policies.map((it) => it.spec);
  assert.equal(inside?.egress?.length, 2);
  assert.deepEqual(inside.egress[0]?.to, inside.ingress?.[0]?.from);
  assert.deepEqual(
    [none?.policyTypes, none?.ingress, none?.egress],
    [["Ingress", "Egress"], undefined, undefined],
  );
});

const lost: readonly (readonly [service: string, want: string])[] = [
  [
    "devices: [/dev/x]",
    "devices is ignored: pods get devices from device plugins and resource claims",
  ],
  ["domainname: x", "domainname is ignored"],
  [
    "group_add: [staff]",
    "group_add staff is ignored: give the number, the pod has no image to look it up in",
  ],
  ["security_opt: [label=type:x]", "security_opt label=type:x is ignored"],
  ["pid: 'container:a'", "pid container:a is ignored: pods do not share what is theirs"],
  [
    "network_mode: 'container:x'",
    "network_mode container:x is ignored: a pod has addresses of its own",
  ],
  ["pull_policy: daily", "pull_policy daily: the registry is asked at every start"],
  [
    "post_start: [{command: a, user: root}]",
    "post_start[0].user is ignored: hooks run as the container does",
  ],
  [
    "secrets: [{source: s, uid: '1'}]",
    "secrets[0].uid is ignored: the files are root's; mode says who may read them",
  ],
  ["deploy: {resources: {limits: {pids: 5}}}", "deploy.resources.limits.pids is ignored"],
  [
    "deploy: {placement: {constraints: [engine.labels.a == b]}}",
    "deploy.placement.constraints engine.labels.a == b is ignored",
  ],
  [
    "networks: {default: {ipv4_address: 10.0.0.1}}",
    "networks.default.ipv4_address is ignored: the cluster gives pods their addresses",
  ],
  ['ports: ["1:80", "2:80"]', "ports 2:80 is ignored: a pod publishes each of its ports once"],
  ["volumes: [./x:/x:z]", "volumes[0].bind.selinux is ignored"],
];

for (const [service, want] of lost) {
  test(`convert: told of ${service}`, async () => {
    const { warnings } = await converted(
      `services: {a: {image: i, ${service}}}\nsecrets: {s: {content: y}}`,
    );
    assert.deepEqual(warnings, [`services.a.${want}`]);
  });
}

test("convert: a service of a provider is refused", async () => {
  await assert.rejects(converted("services: {a: {provider: {type: x}}}"), {
    message: /^services\.a\.provider: services of providers are not run here/,
  });
});
