import assert from "node:assert/strict";
import { test } from "node:test";
import type { Pod } from "#api/gen/types.ts";
import { chooseContainer } from "./find.ts";
import { formatContainers, type ListOptions } from "./list.ts";
import { publishedPorts } from "./port.ts";
import { formatVolumes } from "./volumes.ts";

const time = "2026-01-01T00:00:00Z";
const now = Date.parse(time) + 60_000;

function container(name: string, id: string, isRunning: boolean): Pod {
  return {
    metadata: {
      name: name.toLowerCase(),
      creationTimestamp: time,
      labels: { "gantry.dev/network-back": "true" },
      annotations: {
        "gantry.dev/container-name": name,
        "gantry.dev/container-id": id.padEnd(64, "0"),
        "gantry.dev/container-image": "busybox",
        "gantry.dev/container-labels": `{"app":"${name}","all":""}`,
      },
    },
    spec: {
      restartPolicy: "Never",
      containers: [
        {
          name: "container",
          args: ["sleep", "1000000000000000000"],
          ports: [{ containerPort: 80, hostPort: 8_080 }, { containerPort: 443 }],
        },
      ],
    },
    status: {
      phase: isRunning ? "Running" : "Failed",
      containerStatuses: [
        {
          name: "container",
          image: "",
          imageID: "",
          ready: true,
          restartCount: 0,
          state: isRunning
            ? { running: { startedAt: time } }
            : { terminated: { exitCode: 3, finishedAt: time } },
        },
      ],
    },
  };
}

const all = [container("Web", "abc1", true), container("job", "abd2", false)];
const plain: ListOptions = { noTrunc: false, filter: [] };

test("formatContainers: Docker's columns", () => {
  assert.equal(
    formatContainers(all.slice(0, 1), plain, now),
    "CONTAINER ID   IMAGE     COMMAND                  CREATED              STATUS              PORTS                           NAMES\n" +
      'abc100000000   busybox   "sleep 1000000000000…"   About a minute ago   Up About a minute   0.0.0.0:8080->80/tcp, 443/tcp   Web\n',
  );
});

const lists: [options: Partial<ListOptions>, want: string][] = [
  [{}, "Web"],
  [{ all: true }, "Web job"],
  [{ last: 1 }, "Web"],
  [{ filter: ["status=exited"] }, "job"],
  [{ filter: ["exited=3"] }, "job"],
  [{ filter: ["exited=0"] }, ""],
  [{ all: true, filter: ["name=o"] }, "job"],
  [{ all: true, filter: ["id=abc"] }, "Web"],
  [{ all: true, filter: ["label=all"] }, "Web job"],
  [{ all: true, filter: ["label=all", "label=app=job"] }, "job"],
  [{ all: true, filter: ["name=Web", "name=job"] }, "Web job"],
  [{ all: true, filter: ["ancestor=busybox"] }, "Web job"],
  [{ all: true, filter: ["network=back", "name=Web"] }, "Web"],
  [{ all: true, filter: ["publish=8080", "name=job"] }, "job"],
  [{ all: true, filter: ["publish=8000-8080/tcp", "name=^/?Web$"] }, "Web"],
  [{ all: true, filter: ["publish=443"] }, ""],
  [{ all: true, filter: ["expose=443", "name=Web"] }, "Web"],
  [{ all: true, filter: ["expose=80/udp"] }, ""],
  [{ all: true, filter: ["ancestor=docker.io/library/busybox:latest", "exited=3"] }, "job"],
  [{ all: true, filter: ["ancestor=busybox:1"] }, ""],
  [{ all: true, filter: ["before=Web"] }, "job"],
  [{ all: true, filter: ["since=abd2"] }, "Web"],
  [{ all: true, filter: ["label=all=", "Name=Web"] }, "Web"],
  [{ all: true, filter: ["volume=/srv"] }, ""],
  [{ last: 1, filter: ["name=job"] }, "job"],
];

for (const [options, want] of lists) {
  test(`formatContainers: ${JSON.stringify(options)}`, () => {
    const text = formatContainers(all, { ...plain, format: "{{.Names}}", ...options }, now);
    assert.equal(text.trim().replaceAll("\n", " "), want);
  });
}

test("formatContainers: other forms", () => {
  assert.equal(formatContainers(all, { ...plain, quiet: true }, now), "abc100000000\n");
  const json: unknown = JSON.parse(formatContainers(all, { ...plain, format: "json" }, now));
  assert.equal((json as { Names: string }).Names, "Web");
  const table = { ...plain, format: "table {{.ID}}\\t{{.Names}}" };
  assert.equal(formatContainers(all, table, now), "CONTAINER ID   NAMES\nabc100000000   Web\n");
  assert.throws(() => formatContainers(all, { ...plain, filter: ["x=1"] }, now), /invalid filter/);
});

const finds: [text: string, want: string | undefined][] = [
  ["Web", "Web"],
  ["/Web", "Web"],
  ["web", "Web"],
  ["abc", "Web"],
  ["abd2", "job"],
  ["nobody", undefined],
  ["ff", undefined],
];

for (const [text, want] of finds) {
  test(`chooseContainer: ${text} -> ${want ?? "none"}`, () => {
    const found = chooseContainer(all, text);
    assert.equal(found?.metadata?.annotations?.["gantry.dev/container-name"], want);
  });
}

test("chooseContainer: an id that two begin with", () => {
  assert.throws(() => chooseContainer(all, "ab"), /multiple containers begin with 'ab'/);
});

test("publishedPorts: all, one, none", () => {
  const [web] = all;
  assert.ok(web !== undefined);
  assert.equal(publishedPorts(web, undefined), "80/tcp -> 0.0.0.0:8080\n");
  assert.equal(publishedPorts(web, "80"), "0.0.0.0:8080\n");
  assert.throws(() => publishedPorts(web, "443"), /no public port '443\/tcp' published for Web/);
});

const claims = ["data", "logs"].map((name) => ({
  metadata: { name, annotations: { "gantry.dev/volume-name": name, team: name } },
  spec: { storageClassName: "local" },
}));

const volumes: [filter: string[], want: string][] = [
  [[], "data logs"],
  [["dangling=true"], "logs"],
  [["dangling=0"], "data"],
  [["name=^da"], "data"],
  [["label=team=logs"], "logs"],
  [["driver=nfs"], ""],
];

for (const [filter, want] of volumes) {
  test(`formatVolumes: ${filter.join(" ")}`, () => {
    const format = "{{.Name}}";
    const text = formatVolumes(claims, new Set(["data"]), { filter, format });
    assert.equal(text.trim().split("\n").join(" "), want);
  });
}
