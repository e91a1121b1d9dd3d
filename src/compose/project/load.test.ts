import assert from "node:assert/strict";
import { test } from "node:test";
import { formatYaml } from "#api/yaml.ts";
import { loadFiles as load } from "#testing/compose-files.ts";
import { printProject } from "./print.ts";
import type { Service } from "./model.ts";

async function serviceOf(text: string): Promise<Service> {
  const indented = text.replaceAll(/^/gm, "    ");
  const file = `services:\n  a:\n    image: i\n${indented}\nvolumes: {data: {}}\nsecrets: {s: {content: x}}`;
  const { project } = await load({ "/shop/compose.yaml": file });
  const { a } = project.services;
  assert.ok(a !== undefined);
  return a;
}

const forms: readonly (readonly [text: string, want: Partial<Service>])[] = [
  ["command: sh -c 'a b'", { command: ["sh", "-c", "a b"] }],
  ["command: [sh, -c, a b]", { command: ["sh", "-c", "a b"] }],
  ['command: ""', { command: [] }],
  ["entrypoint: /bin/bash", { entrypoint: ["/bin/bash"] }],
  ["environment: {A: 1, B: true, C: yes}", { environment: { A: "1", B: "true", C: "yes" } }],
  ["environment: [A=1, B=x=y]", { environment: { A: "1", B: "x=y" } }],
  ["environment: {NOT_SET: }", { environment: { NOT_SET: null } }],
  ['ports: ["80"]', { ports: [{ mode: "ingress", target: 80, protocol: "tcp" }] }],
  [
    'ports: ["8080:80/udp"]',
    { ports: [{ mode: "ingress", target: 80, published: "8080", protocol: "udp" }] },
  ],
  [
    'ports: ["127.0.0.1:8000-8001:80-81"]',
    {
      ports: [
        { mode: "ingress", host_ip: "127.0.0.1", target: 80, published: "8000", protocol: "tcp" },
        { mode: "ingress", host_ip: "127.0.0.1", target: 81, published: "8001", protocol: "tcp" },
      ],
    },
  ],
  [
    'ports: ["[::1]:80:80"]',
    { ports: [{ mode: "ingress", host_ip: "::1", target: 80, published: "80", protocol: "tcp" }] },
  ],
  [
    "ports: [{target: 80, published: '8080', mode: host}]",
    { ports: [{ mode: "host", target: 80, published: "8080", protocol: "tcp" }] },
  ],
  ["expose: [6379, 53/udp]", { expose: ["6379", "53/udp"] }],
  [
    "volumes: [data:/d]",
    { volumes: [{ type: "volume", source: "data", target: "/d", volume: {} }] },
  ],
  ["volumes: [/anonymous]", { volumes: [{ type: "volume", target: "/anonymous", volume: {} }] }],
  [
    "volumes: ['./x:/d:ro,rshared']",
    {
      volumes: [
        {
          type: "bind",
          source: "/shop/x",
          target: "/d",
          read_only: true,
          bind: { propagation: "rshared" },
        },
      ],
    },
  ],
  [
    "volumes: ['~/x:/d']",
    { volumes: [{ type: "bind", source: "/home/me/x", target: "/d", bind: {} }] },
  ],
  [
    "volumes: [{type: tmpfs, target: /t, tmpfs: {size: 1m}}]",
    { volumes: [{ type: "tmpfs", target: "/t", tmpfs: { size: 1_048_576 } }] },
  ],
  ["secrets: [s]", { secrets: [{ source: "s" }] }],
  [
    "secrets: [{source: s, target: t, mode: 0440}]",
    { secrets: [{ source: "s", target: "t", mode: 0o440 }] },
  ],
  [
    "healthcheck: {test: curl -f x, interval: 1m30s, retries: 3}",
    {
      healthcheck: {
        test: ["CMD-SHELL", "curl -f x"],
        interval: 90_000,
        retries: 3,
      },
    },
  ],
  ["restart: no", { restart: "no" }],
  ["restart: on-failure:3", { restart: "on-failure:3" }],
  ["stop_grace_period: 1m", { stop_grace_period: 60_000 }],
  ["mem_limit: 512m", { mem_limit: 512 * 1024 * 1024 }],
  ["extra_hosts: ['a:1.2.3.4', 'b=::1']", { extra_hosts: ["a=1.2.3.4", "b=::1"] }],
  ["labels: [a=b, c]", { labels: { a: "b", c: "" } }],
  ["ulimits: {nofile: 1}", { ulimits: { nofile: 1 } }],
];

for (const [text, want] of forms) {
  test(`loadProject: ${text}`, async () => {
    assert.deepEqual(await serviceOf(text), { image: "i", ...want });
  });
}

test("loadProject: later files win, lists are appended, tags take back", async () => {
  const { project } = await load({
    "/shop/compose.yaml": `
services:
  a:
    image: one
    command: [old]
    ports: ["80:80", "81:81"]
    environment: {A: 1, B: 2}
    labels: {x: "1"}
    volumes: [./one:/d]
    healthcheck: {test: [CMD, a], retries: 2}
`,
    "/shop/compose.override.yaml": `
services:
  a:
    image: two
    command: [new, one]
    ports: ["80:80", "82:82"]
    environment: [B=3]
    labels: !override {y: "2"}
    volumes: [./two:/d]
    healthcheck: {test: [CMD, b, c]}
  b: {image: x}
`,
  });
  const { a, b } = project.services;
  assert.equal(a?.image, "two");
  assert.deepEqual(a.command, ["new", "one"]);
  assert.deepEqual(
    a.ports?.map((it) => it.published),
    ["80", "81", "82"],
  );
  assert.deepEqual(a.environment, { A: "1", B: "3" });
  assert.deepEqual(a.labels, { y: "2" });
  assert.deepEqual(
    a.volumes?.map((it) => it.source),
    ["/shop/two"],
  );
  assert.deepEqual([a.healthcheck?.test, a.healthcheck?.retries], [["CMD", "b", "c"], 2]);
  assert.equal(b?.image, "x");
});

test("loadProject: extends, within a file and from another, whose paths are its own", async () => {
  const { project } = await load({
    "/shop/compose.yaml": `
services:
  base: {image: i, environment: {A: 1, B: 1}}
  a: {extends: base, environment: {B: 2}}
  b: {extends: {service: far, file: common/base.yaml}, command: [x]}
`,
    "/shop/common/base.yaml": `
services:
  far: {extends: root, volumes: [./data:/d]}
  root: {image: r}
`,
  });
  assert.deepEqual(project.services["a"]?.environment, { A: "1", B: "2" });
  assert.equal(project.services["b"]?.image, "r");
  assert.equal(project.services["b"].volumes?.[0]?.source, "/shop/common/data");
});

test("loadProject: includes, with an environment of their own", async () => {
  const { project } = await load(
    {
      "/shop/compose.yaml": "include: [sub/compose.yaml]\nservices: {a: {image: i}}",
      "/shop/sub/compose.yaml":
        'services: {b: {image: "x:${TAG}-${OUTER:-none}", env_file: b.env}}',
      "/shop/sub/.env": "TAG=7\nOUTER=inner",
      "/shop/sub/b.env": "FROM=file",
    },
    {},
    { OUTER: "outer" },
  );
  assert.equal(project.services["b"]?.image, "x:7-outer");
  assert.deepEqual(project.services["b"].environment, { FROM: "file" });
});

test("loadProject: variables of the shell, of .env, and none", async () => {
  const files = {
    "/shop/compose.yaml":
      'name: ${NAME:-n}\nservices: {a: {image: "$A$B", environment: {C: "$$x ${GONE}", D: }}}',
    "/shop/.env": "A=1\nB=2\nD=4",
  };
  const { project, warnings } = await load(files, {}, { B: "shell" });
  assert.equal(project.services["a"]?.image, "1shell");
  assert.deepEqual(project.services["a"].environment, { C: "$x ", D: "4" });
  assert.deepEqual(warnings, ['The "GONE" variable is not set. Defaulting to a blank string.']);
  assert.equal(project.name, "n");
});

test("loadProject: the project's name, by precedence", async () => {
  const plain = { "/shop/compose.yaml": "services: {a: {image: i}}" };
  const named = { "/shop/compose.yaml": "name: file\nservices: {a: {image: i}}" };
  const from = async (...args: Parameters<typeof load>) => (await load(...args)).project.name;
  assert.equal(await from(plain), "shop");
  assert.equal(await from(named), "file");
  assert.equal(await from(named, {}, { COMPOSE_PROJECT_NAME: "env" }), "env");
  assert.equal(
    await from(named, { projectName: "asked" }, { COMPOSE_PROJECT_NAME: "env" }),
    "asked",
  );
  await assert.rejects(from(plain, { projectName: "Not One" }), /'Not One' is no project name/);
});

test("printProject: what it prints is read as the same project", async () => {
  const { project } = await load({
    "/shop/compose.yaml": `
name: all
services:
  a:
    image: i
    command: echo $$HOME
    environment: {A: "$$(B)"}
    ports: ["8080:80"]
    volumes: [data:/d, ./x:/x:ro, {type: tmpfs, target: /t, tmpfs: {size: 1k}}]
    healthcheck: {test: "exit 0", interval: 1m30s}
    stop_grace_period: 90s
    memswap_limit: 1g
    deploy: {replicas: 2, resources: {limits: {cpus: "0.5", memory: 64m}}, restart_policy: {condition: any}}
    depends_on: [b]
    networks: {back: {aliases: [x]}, default: }
    secrets: [s]
  b: {build: {context: ., args: [A=1]}}
volumes: {data: {}}
networks: {back: {internal: true}}
secrets: {s: {file: ./s.txt}}
`,
  });
  const printed = formatYaml(printProject(project));
  const again = await load({ "/else/printed.yaml": printed }, { files: ["/else/printed.yaml"] });
  assert.deepEqual(printProject(again.project), printProject(project));
});
