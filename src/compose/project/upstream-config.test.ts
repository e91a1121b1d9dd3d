// What upstream's own reader of compose files prints for the same files: `config` of compose-go v2.16.2,
// on which `docker compose config` is built, with this directory's name for the machine's.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Json } from "#api/object.ts";
import { parseYaml } from "#api/yaml.ts";
import { selectServices } from "#compose/run/select.ts";
import { loadFiles, type ComposeFiles } from "#testing/compose-files.ts";
import { printProject } from "./print.ts";

interface Pair {
  readonly name: string;
  /** Besides `compose.yaml`, which is the first. */
  readonly amending?: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly files: ComposeFiles;
  /** Before dollar signs are doubled, which upstream's command does, not its reader. */
  readonly upstream: string;
}

const pairs: readonly Pair[] = [
  {
    name: "files amend one another",
    amending: ["/shop/second.yaml", "/shop/third.yaml"],
    environment: { TAG: "7" },
    files: {
      "/shop/compose.yaml": `name: shop
services:
  web:
    image: nginx:\${TAG:-latest}
    command: [old, words]
    entrypoint: ["/bin/old"]
    environment: {A: "1", B: two, KEEP: "\${NONE-x}"}
    labels: [a=1, b=2]
    ports: ["80:80", "127.0.0.1:81:81", "9000-9001:9000-9001/udp"]
    expose: ["1000"]
    volumes: [data:/data, ./conf:/conf:ro, /anonymous]
    dns: 1.1.1.1
    cap_add: [NET_ADMIN]
    depends_on: [db]
    networks: [front]
    healthcheck: {test: curl x, interval: 1m, retries: 2}
    logging: {driver: json-file, options: {max-size: 1m, max-file: "3"}}
    ulimits: {nofile: {soft: 1, hard: 2}, nproc: 5}
    deploy: {replicas: 2, labels: {l: "1"}, resources: {limits: {cpus: "0.5", memory: 64M}}}
    extra_hosts: ["a:1.1.1.1", "b=2.2.2.2"]
    sysctls: {net.core.somaxconn: 1024}
    tmpfs: /run
    secrets: [key]
    build: ./web
    profiles: []
  db: {image: db, stop_grace_period: 90s}
  gone: {image: x}
volumes: {data: {labels: {a: "1"}}}
networks: {front: {driver: bridge}, back: }
secrets: {key: {file: ./key}}
`,
      "/shop/second.yaml": `services:
  web:
    command: new
    environment: [B=3, "C=a=b", A]
    labels: {b: "3", c: ""}
    ports: ["80:80", "82:82"]
    expose: [1000, 1001]
    volumes: [./other:/data, more:/more]
    dns: [8.8.8.8, 1.1.1.1]
    cap_add: [NET_ADMIN, SYS_TIME]
    depends_on: {db: {condition: service_healthy, restart: true}, gone: {condition: service_started, required: false}}
    networks: {front: {aliases: [w]}, back: {ipv4_address: 10.0.0.2}}
    healthcheck: {test: [CMD, x], timeout: 3s}
    logging: {options: {max-size: 2m}}
    ulimits: {nofile: 9}
    deploy: {labels: [m=2], resources: {limits: {memory: 128M}, reservations: {cpus: 0.25}}}
    extra_hosts: {c: 3.3.3.3}
    sysctls: [a=b]
    tmpfs: [/tmp]
    secrets: [{source: key, target: other, mode: 0400}]
    build: {args: {A: 1}, target: final}
volumes: {more: , data: {labels: [b=2]}}
`,
      "/shop/third.yaml": `services:
  web:
    entrypoint: !reset null
    ports: !override ["443:443"]
    tmpfs: !reset []
    logging: {driver: none}
  db: {labels: {a: b}}
`,
    },
    upstream: `name: shop
networks:
  back:
    name: shop_back
  default:
    name: shop_default
  front:
    driver: bridge
    name: shop_front
secrets:
  key:
    file: /shop/key
    name: shop_key
services:
  db:
    image: db
    labels:
      a: b
    networks:
      default: null
    stop_grace_period: 1m30s
  gone:
    image: x
    networks:
      default: null
  web:
    build:
      args:
        A: '1'
      context: /shop/web
      dockerfile: Dockerfile
      target: final
    cap_add:
    - NET_ADMIN
    - SYS_TIME
    command:
    - new
    depends_on:
      db:
        condition: service_healthy
        required: true
        restart: true
      gone:
        condition: service_started
        required: false
    deploy:
      labels:
        l: '1'
        m: '2'
      replicas: 2
      resources:
        limits:
          cpus: 0.5
          memory: '134217728'
        reservations:
          cpus: 0.25
    dns:
    - 1.1.1.1
    - 8.8.8.8
    environment:
      A: null
      B: '3'
      C: a=b
      KEEP: x
    expose:
    - '1000'
    - '1001'
    extra_hosts:
    - a=1.1.1.1
    - b=2.2.2.2
    - c=3.3.3.3
    healthcheck:
      interval: 1m0s
      retries: 2
      test:
      - CMD
      - x
      timeout: 3s
    image: nginx:7
    labels:
      a: '1'
      b: '3'
      c: ''
    logging:
      driver: none
    networks:
      back:
        ipv4_address: 10.0.0.2
      front:
        aliases:
        - w
    ports:
    - mode: ingress
      protocol: tcp
      published: '443'
      target: 443
    secrets:
    - source: key
      target: /run/secrets/key
    - mode: '0400'
      source: key
      target: other
    sysctls:
      a: b
      net.core.somaxconn: '1024'
    ulimits:
      nofile: 9
      nproc: 5
    volumes:
    - bind: {}
      source: /shop/other
      target: /data
      type: bind
    - bind: {}
      read_only: true
      source: /shop/conf
      target: /conf
      type: bind
    - target: /anonymous
      type: volume
      volume: {}
    - source: more
      target: /more
      type: volume
      volume: {}
volumes:
  more:
    name: shop_more
`,
  },
  {
    name: "services extend others",
    environment: {},
    files: {
      "/shop/compose.yaml": `services:
  base: {image: base, environment: {A: 1, B: 1}, command: [x], volumes: ["./here:/d"], ports: ["1:1"]}
  one:
    extends: base
    environment: {B: 2}
    ports: !reset []
  two:
    extends: {service: far, file: common/base.yaml}
    labels: {own: "1"}
`,
      "/shop/common/base.yaml": `services:
  far:
    extends: root
    volumes: [./data:/d]
    build: .
    env_file: far.env
  root: {image: root, command: run it, labels: [own=0, other=2]}
`,
      "/shop/common/far.env": `FROM=far
`,
    },
    upstream: `name: shop
networks:
  default:
    name: shop_default
services:
  base:
    command:
    - x
    environment:
      A: '1'
      B: '1'
    image: base
    networks:
      default: null
    ports:
    - mode: ingress
      protocol: tcp
      published: '1'
      target: 1
    volumes:
    - bind: {}
      source: /shop/here
      target: /d
      type: bind
  one:
    command:
    - x
    environment:
      A: '1'
      B: '2'
    image: base
    networks:
      default: null
    volumes:
    - bind: {}
      source: /shop/here
      target: /d
      type: bind
  two:
    build:
      context: /shop/common
      dockerfile: Dockerfile
    command:
    - run
    - it
    env_file:
    - path: /shop/common/far.env
    environment:
      FROM: far
    image: root
    labels:
      other: '2'
      own: '1'
    networks:
      default: null
    volumes:
    - bind: {}
      source: /shop/common/data
      target: /d
      type: bind
`,
  },
  {
    name: "includes",
    environment: { OUTER: "outer" },
    files: {
      "/shop/compose.yaml": `name: all
include:
  - sub/compose.yaml
  - path: [other/a.yaml, other/b.yaml]
    project_directory: elsewhere
    env_file: other/other.env
services:
  app: {image: app, depends_on: [one, two]}
`,
      "/shop/sub/compose.yaml": `services: {one: {image: "one:\${TAG}-\${OUTER:-none}", volumes: ["./v:/v"]}}
volumes: {unused: }
`,
      "/shop/sub/.env": `TAG=7
OUTER=inner
`,
      "/shop/other/a.yaml": `services: {two: {image: "two:\${OTHER}", build: .}}
`,
      "/shop/other/b.yaml": `services: {two: {command: [b]}}
`,
      "/shop/other/other.env": `OTHER=o
`,
    },
    upstream: `name: all
networks:
  default:
    name: all_default
services:
  app:
    depends_on:
      one:
        condition: service_started
        required: true
      two:
        condition: service_started
        required: true
    image: app
    networks:
      default: null
  one:
    image: one:7-outer
    networks:
      default: null
    volumes:
    - bind: {}
      source: /shop/sub/v
      target: /v
      type: bind
  two:
    build:
      context: /shop/elsewhere
      dockerfile: Dockerfile
    command:
    - b
    image: two:o
    networks:
      default: null
`,
  },
  {
    name: "environment files",
    environment: { SHELL_ONLY: "s", WINS: "shell" },
    files: {
      "/shop/compose.yaml": `services:
  a:
    image: "i:\${FROM_ENV:?needed}"
    env_file:
      - one.env
      - {path: missing.env, required: false}
      - {path: two.env}
    environment:
      OWN: "\${COMPOSE_PROJECT_NAME}-\${WINS}"
      SHELL_ONLY:
      NOWHERE:
      ONE: over
    label_file: labels
    labels: {l: own}
    build: {context: ., args: [SHELL_ONLY, NOWHERE]}
`,
      "/shop/.env": `FROM_ENV=1.0
WINS=file
`,
      "/shop/one.env": `ONE=1
TWO="a\\tb $FROM_ENV" # comment
THREE='$x'
export FOUR=4
SHELL_ONLY
FIVE=\${ONE}-\${OWN}
`,
      "/shop/two.env": `TWO=2
JSON={"a": "b"}
MULTI="x
y"
`,
      "/shop/labels": `l=file
m=file
`,
    },
    upstream: `name: shop
networks:
  default:
    name: shop_default
services:
  a:
    build:
      args:
        SHELL_ONLY: s
      context: /shop
      dockerfile: Dockerfile
    env_file:
    - path: /shop/one.env
    - path: /shop/missing.env
      required: false
    - path: /shop/two.env
    environment:
      FIVE: over-shop-shell
      FOUR: '4'
      JSON: '{"a": "b"}'
      MULTI: 'x

        y'
      NOWHERE: null
      ONE: over
      OWN: shop-shell
      SHELL_ONLY: s
      THREE: $x
      TWO: '2'
    image: i:1.0
    label_file:
    - /shop/labels
    labels:
      l: own
      m: file
    networks:
      default: null
`,
  },
  {
    name: "long forms",
    environment: { PORT: "8080", N: "3", YES: "true" },
    files: {
      "/shop/compose.yaml": `x-common: &common
  restart: unless-stopped
  init: "\${YES}"
services:
  x-named:
    <<: *common
    image: i
    x-own: {deep: [1]}
    ports:
      - {target: 80, published: "\${PORT}", protocol: tcp, mode: host, host_ip: 127.0.0.1, name: web, app_protocol: http}
      - {target: 81, published: 8081-8090}
      - "[::1]:53:53/udp"
      - 7
    volumes:
      - {type: volume, source: data, target: /d/, read_only: true, volume: {nocopy: true, subpath: s}}
      - {type: bind, source: ./x, target: /x, bind: {create_host_path: false, propagation: rshared, selinux: z}}
      - {type: tmpfs, target: /t, tmpfs: {size: 1mb, mode: 0o1777}}
      - {type: image, source: busybox, target: /i, image: {subpath: bin}}
    configs: [{source: c, target: /etc/c, uid: "1", gid: "2", mode: 0440}]
    secrets: [s]
    command: sh -c 'echo "$$HOME"'
    scale: "\${N}"
    mem_limit: 1.5g
    memswap_limit: 2g
    shm_size: 64m
    cpus: 1.5
    stop_signal: SIGINT
    stop_grace_period: 1m30s
    healthcheck: {test: [CMD-SHELL, "exit 0"], start_period: 1h5m, start_interval: 500ms, disable: false}
    post_start: [{command: echo hi, user: root, environment: [A=1]}]
    pre_stop: [{command: [a, b], working_dir: /w}]
    develop: {watch: [{path: ./src, action: sync+restart, target: /src, ignore: [x]}, {path: p, action: rebuild}]}
    deploy:
      mode: replicated
      update_config: {parallelism: 2, delay: 10s, order: start-first, failure_action: rollback, monitor: 5s, max_failure_ratio: 0.2}
      restart_policy: {condition: on-failure, max_attempts: 3, delay: 5s, window: 2m}
      placement: {constraints: ["node.labels.disk == ssd"], preferences: [{spread: node.labels.zone}], max_replicas_per_node: 1}
      resources: {reservations: {memory: 20M, devices: [{capabilities: [gpu], count: 1}]}}
    links: ["db:database"]
    pull_policy: if_not_present
    gpus: all
    devices: ["/dev/null:/dev/xnull:rwm"]
    credential_spec: {file: ./cred.json}
  db:
    image: db
    network_mode: none
    volumes_from: ["cache:ro"]
  cache: {image: c, volumes: ["data:/d"], pid: "service:other"}
  other: {image: o, networks: {default: {aliases: [oo], priority: 5}}}
volumes: {data: {driver: local, driver_opts: {type: none, o: bind, device: /srv}}}
networks: {default: {internal: true, driver_opts: {mtu: 1400}, ipam: {config: [{subnet: 10.1.0.0/16}]}}}
configs: {c: {content: "a \${PORT} $$x"}}
secrets: {s: {environment: SECRET}}
`,
    },
    upstream: `configs:
  c:
    content: a 8080 $x
    name: shop_c
name: shop
networks:
  default:
    driver_opts:
      mtu: '1400'
    internal: true
    ipam:
      config:
      - subnet: 10.1.0.0/16
    name: shop_default
secrets:
  s:
    environment: SECRET
    name: shop_s
services:
  cache:
    depends_on:
      other:
        condition: service_started
        required: true
        restart: true
    image: c
    networks:
      default: null
    pid: service:other
    volumes:
    - source: data
      target: /d
      type: volume
      volume: {}
  db:
    depends_on:
      cache:
        condition: service_started
        required: true
    image: db
    network_mode: none
    volumes_from:
    - cache:ro
  other:
    image: o
    networks:
      default:
        aliases:
        - oo
        priority: 5
  x-named:
    command:
    - sh
    - -c
    - echo "$HOME"
    configs:
    - gid: '2'
      mode: '0440'
      source: c
      target: /etc/c
      uid: '1'
    cpus: 1.5
    credential_spec:
      file: ./cred.json
    depends_on:
      db:
        condition: service_started
        required: true
        restart: true
    deploy:
      mode: replicated
      placement:
        constraints:
        - node.labels.disk == ssd
        max_replicas_per_node: 1
        preferences:
        - spread: node.labels.zone
      replicas: 3
      resources:
        reservations:
          devices:
          - capabilities:
            - gpu
            count: 1
          memory: '20971520'
      restart_policy:
        condition: on-failure
        delay: 5s
        max_attempts: 3
        window: 2m0s
      update_config:
        delay: 10s
        failure_action: rollback
        max_failure_ratio: 0.2
        monitor: 5s
        order: start-first
        parallelism: 2
    develop:
      watch:
      - action: sync+restart
        ignore:
        - x
        path: /shop/src
        target: /src
      - action: rebuild
        path: /shop/p
    devices:
    - permissions: rwm
      source: /dev/null
      target: /dev/xnull
    gpus:
    - count: -1
    healthcheck:
      start_interval: 500ms
      start_period: 1h5m0s
      test:
      - CMD-SHELL
      - exit 0
    image: i
    init: true
    links:
    - db:database
    mem_limit: '1610612736'
    memswap_limit: '2147483648'
    networks:
      default: null
    ports:
    - app_protocol: http
      host_ip: 127.0.0.1
      mode: host
      name: web
      protocol: tcp
      published: '8080'
      target: 80
    - mode: ingress
      protocol: tcp
      published: 8081-8090
      target: 81
    - host_ip: ::1
      mode: ingress
      protocol: udp
      published: '53'
      target: 53
    - mode: ingress
      protocol: tcp
      target: 7
    post_start:
    - command:
      - echo
      - hi
      environment:
        A: '1'
      user: root
    pre_stop:
    - command:
      - a
      - b
      working_dir: /w
    pull_policy: missing
    restart: unless-stopped
    scale: 3
    secrets:
    - source: s
      target: /run/secrets/s
    shm_size: '67108864'
    stop_grace_period: 1m30s
    stop_signal: SIGINT
    volumes:
    - read_only: true
      source: data
      target: /d
      type: volume
      volume:
        nocopy: true
        subpath: s
    - bind:
        create_host_path: false
        propagation: rshared
        selinux: z
      source: /shop/x
      target: /x
      type: bind
    - target: /t
      tmpfs:
        mode: 1023
        size: '1048576'
      type: tmpfs
    - image:
        subpath: bin
      source: busybox
      target: /i
      type: image
    x-own:
      deep:
      - 1
volumes:
  data:
    driver: local
    driver_opts:
      device: /srv
      o: bind
      type: none
    name: shop_data
x-common:
  init: 'true'
  restart: unless-stopped
`,
  },
];

/** As upstream's command writes it. */
function withDoubledDollars(value: Json): Json {
  if (typeof value === "string") return value.replaceAll("$", "$$$$");
  if (Array.isArray(value)) return value.map(withDoubledDollars);
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).map(
    ([key, it]) => [key, withDoubledDollars(it ?? null)] as const,
  );
  return Object.fromEntries(entries);
}

for (const { name, amending = [], environment, files, upstream } of pairs) {
  test(`printProject agrees with upstream: ${name}`, async () => {
    const options = { files: ["/shop/compose.yaml", ...amending] };
    const { project } = await loadFiles(files, options, environment);
    const printed = printProject(selectServices(project, { services: [], profiles: [] }));
    const [want] = parseYaml(upstream).documents;
    assert.deepEqual(printed, withDoubledDollars(want?.value ?? null));
  });
}
