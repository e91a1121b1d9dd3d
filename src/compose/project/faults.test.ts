import assert from "node:assert/strict";
import { test } from "node:test";
import { loadFiles, type ComposeFiles } from "#testing/compose-files.ts";

/** Of a service `a`, whose keys begin at line 4, column 5: what follows the place of the fault. */
const ofService: readonly (readonly [keys: string, message: string])[] = [
  ["imgae: x", "4:5: services.a: additional properties 'imgae' not allowed (did you mean image?)"],
  ["frobnicate: x", "4:5: services.a: additional properties 'frobnicate' not allowed"],
  ["ports: 80", "4:5: services.a.ports: must be a list"],
  ["environment:", "4:5: services.a.environment: must be a mapping or a list"],
  [
    "environment: {A: {b: 1}}",
    "4:19: services.a.environment.A: must be a string, a number, a boolean or empty",
  ],
  ["user: 1000", '4:5: services.a.user: must be a string: "1000" in quotes'],
  ["command: [sleep, 1]", '4:22: services.a.command[1]: must be a string: "1" in quotes'],
  [
    "build: {contxt: .}",
    "4:13: services.a.build: additional properties 'contxt' not allowed (did you mean context?)",
  ],
  [
    "deploy: {resources: {limits: {memory: lots}}}",
    "4:35: services.a.deploy.resources.limits.memory: must be a size, such as 512m or 1gb; it is 'lots'",
  ],
  [
    "deploy: {replicas: -1}",
    "4:14: services.a.deploy.replicas: must be a whole number, not below zero",
  ],
  [
    "deploy: {update_config: {order: sideways}}",
    "4:30: services.a.deploy.update_config.order: must be one of start-first, stop-first; it is 'sideways'",
  ],
  [
    "healthcheck: {interval: 1 parsec}",
    "4:19: services.a.healthcheck.interval: must be a duration, such as 10s or 1m30s; it is '1 parsec'",
  ],
  [
    "healthcheck: {interval: 10}",
    "4:19: services.a.healthcheck.interval: must be a duration, such as 10s or 1m30s; 10s, perhaps",
  ],
  [
    "healthcheck: {test: [curl]}",
    "4:19: services.a.healthcheck.test: must begin with one of CMD, CMD-SHELL, NONE",
  ],
  [
    "mem_limit: lots",
    "4:5: services.a.mem_limit: must be a size, such as 512m or 1gb; it is 'lots'",
  ],
  ["privileged: maybe", "4:5: services.a.privileged: must be a boolean; it is 'maybe'"],
  [
    "restart: sometimes",
    "4:5: services.a.restart: 'sometimes' must be one of no, always, on-failure[:attempts], unless-stopped",
  ],
  [
    "pull_policy: often",
    "4:5: services.a.pull_policy: 'often' must be one of always, never, missing, if_not_present, build, refresh, daily, weekly, every_<duration>",
  ],
  ["ulimits: {nofile: {soft: 1}}", "4:15: services.a.ulimits.nofile: missing property 'hard'"],
  ["depends_on: {b: {}}", "4:18: services.a.depends_on.b: missing property 'condition'"],
  [
    "depends_on: {b: {condition: healthy}}",
    "4:22: services.a.depends_on.b.condition: must be one of service_started, service_healthy, service_completed_successfully; it is 'healthy'",
  ],
  ["depends_on: [b]", '4:5: services.a.depends_on.b: depends on undefined service "b"'],
  ["depends_on: [a]", "4:5: services.a.depends_on: dependency cycle detected: a -> a"],
  [
    'ports: ["a:80"]',
    "4:13: services.a.ports[0]: invalid port 'a:80'; expected [[HOST:]PUBLISHED:]TARGET[/PROTOCOL]",
  ],
  ['ports: ["70000"]', "4:13: services.a.ports[0]: invalid port '70000'"],
  ['ports: ["1-3:1-2"]', "4:13: services.a.ports[0]: the ranges of '1-3:1-2' differ in length"],
  [
    'ports: ["nowhere:80:80"]',
    "4:13: services.a.ports[0]: 'nowhere' is no address of this machine, such as 127.0.0.1",
  ],
  ["ports: [{published: 1}]", "4:13: services.a.ports[0]: missing property 'target'"],
  [
    "expose: [80/icmp]",
    "4:14: services.a.expose[0]: unknown protocol 'icmp'; expected tcp, udp, sctp",
  ],
  [
    "volumes: ['a:b:c:d']",
    "4:15: services.a.volumes[0]: invalid volume 'a:b:c:d'; expected [SOURCE:]TARGET[:OPTIONS]",
  ],
  ["volumes: [gone:/d]", "4:15: services.a.volumes[0]: refers to undefined volume gone"],
  [
    "volumes: [{type: bind, target: /x}]",
    "4:15: services.a.volumes[0]: missing property 'source', which a bind mount needs",
  ],
  [
    "volumes: [{type: cluster, source: x, target: /x}]",
    "4:16: services.a.volumes[0].type: 'cluster' is of Swarm or Windows: use volume, bind, tmpfs or image",
  ],
  ["volumes: [/d, /d/]\n    tmpfs: /d", "4:15: services.a.volumes[0]: /d is mounted already"],
  ["networks: [gone]", "4:5: services.a.networks.gone: refers to undefined network gone"],
  ["secrets: [{target: x}]", "4:15: services.a.secrets[0]: missing property 'source'"],
  ["secrets: [gone]", "4:15: services.a.secrets[0]: refers to undefined secret gone"],
  [
    "network_mode: host\n    networks: [default]",
    "3:3: services.a: declares mutually exclusive `network_mode` and `networks`",
  ],
  [
    "network_mode: 'service:gone'",
    "4:5: services.a.network_mode: refers to undefined service gone",
  ],
  [
    "cpus: 1\n    deploy: {resources: {limits: {cpus: 2}}}",
    "4:5: services.a.cpus: can't set distinct values on 'cpus' and 'deploy.resources.limits.cpus'",
  ],
  [
    "container_name: one\n    scale: 2",
    "4:5: services.a.container_name: a service with a container_name has one container: its name must be unique",
  ],
  ['command: "sh -c \'a"', "4:5: services.a.command: the closing ' is missing in: sh -c 'a"],
  [
    "develop: {watch: [{path: ., action: sync}]}",
    "4:23: services.a.develop.watch[0]: missing property 'target', which sync needs",
  ],
  ["extra_hosts: [a]", "4:19: services.a.extra_hosts[0]: 'a' must be HOST=ADDRESS"],
  ["extends: gone", '4:5: services.a.extends: service "gone" not found in /shop/compose.yaml'],
  [
    "extends: {service: x, file: gone.yaml}",
    "4:27: services.a.extends.file: /shop/gone.yaml: no such file",
  ],
  [
    "extends: a",
    "4:5: services.a.extends: Circular reference: /shop/compose.yaml#a -> /shop/compose.yaml#a",
  ],
  ["env_file: no.env", "4:5: services.a.env_file[0]: env file /shop/no.env not found"],
  [
    "env_file: [{path: x, format: toml}]",
    "4:26: services.a.env_file[0].format: 'toml' is no format that there is: leave it out, or say raw",
  ],
  [
    'hostname: "${V:?set V}"',
    "4:5: services.a.hostname: required variable V is missing a value: set V",
  ],
  [
    'hostname: "${V!}"',
    '4:5: services.a.hostname: invalid interpolation format: "${V!}"; a dollar sign is written $$',
  ],
];

for (const [keys, message] of ofService) {
  test(`loadProject refuses ${JSON.stringify(keys)}`, async () => {
    const text = `services:\n  # A service\n  a:\n    ${keys}\n    image: i\n`;
    await assert.rejects(loadFiles({ "/shop/compose.yaml": text }), {
      message: `/shop/compose.yaml:${message}`,
    });
  });
}

const ofFiles: readonly (readonly [files: ComposeFiles, message: string])[] = [
  [
    {},
    "no configuration file provided: not found: compose.yaml, compose.yml, docker-compose.yaml, docker-compose.yml in /shop and above",
  ],
  [
    { "/shop/compose.yaml": "services: {a: {}}" },
    "/shop/compose.yaml:1:12: services.a: has neither an image nor a build context specified",
  ],
  [
    { "/shop/compose.yaml": "servces: {}\nvolumes: []\nversion: 3" },
    `/shop/compose.yaml:1:1: additional properties 'servces' not allowed (did you mean services?)
/shop/compose.yaml:2:1: volumes: must be a mapping
/shop/compose.yaml:3:1: version: must be a string: "3" in quotes`,
  ],
  [
    { "/shop/compose.yaml": "services: {'a b': {image: i}}" },
    "/shop/compose.yaml:1:12: services: the name 'a b' may have letters, digits, '.', '_' and '-' only",
  ],
  [
    { "/shop/compose.yaml": "include: other.yaml" },
    "/shop/compose.yaml:1:1: include: must be a list",
  ],
  [
    { "/shop/compose.yaml": "include: [compose.yaml]" },
    "/shop/compose.yaml: include: files include one another in a circle: /shop/compose.yaml -> /shop/compose.yaml",
  ],
  [{ "/shop/compose.yaml": "include: [gone.yaml]" }, "/shop/gone.yaml: no such file"],
  [
    { "/shop/compose.yaml": "secrets: {s: {}}" },
    "/shop/compose.yaml:1:11: secrets.s: needs just one of file, environment, content and external",
  ],
  [
    { "/shop/compose.yaml": "services: {a: {image: i}}", "/shop/.env": "A=1\nB C=2" },
    "/shop/.env: line 2: expected NAME=value",
  ],
  // In the file that says it, not in the one that is read last.
  [
    {
      "/shop/compose.yaml": "services:\n  a: {image: i, depends_on: [b]}",
      "/shop/compose.override.yaml": "services:\n  a: {tty: true}",
    },
    '/shop/compose.yaml:2:17: services.a.depends_on.b: depends on undefined service "b"',
  ],
  [
    {
      "/shop/compose.yaml": "services: {a: {extends: {service: b, file: base.yaml}}}",
      "/shop/base.yaml": "services:\n  b: {image: i, ports: [x]}",
    },
    "/shop/base.yaml:2:25: services.b.ports[0]: invalid port 'x'; expected [[HOST:]PUBLISHED:]TARGET[/PROTOCOL]",
  ],
];

for (const [files, message] of ofFiles) {
  test(`loadProject: ${message}`, async () => {
    await assert.rejects(loadFiles(files), { message });
  });
}
