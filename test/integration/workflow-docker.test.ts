// Tasks in containers of a real Docker host: Docker's own engine, and Podman's, where they are installed.
import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { DockerHostProcess, installedEngines } from "#testing/docker-engine.ts";
import { eventually } from "#testing/eventually.ts";
import { WorkflowProcess } from "#testing/workflow-process.ts";

const boundMs = 60_000;
const engines = installedEngines();
const workflows = new WorkflowProcess();
const given = join(workflows.home, "given");

/** Tasks that show what of their parameters the container has. */
function file(name: string, url: string): string {
  return `import { dag, docker, task } from "gantry/workflows";
    const at = { dockerUrl: ${JSON.stringify(url)}, image: "busybox", autoRemove: "force", networkMode: "host",
      ulimits: ["nofile", "nproc"].map((name) => ({ name, soft: 512, hard: 1024 })) };
    export const shows = dag("${name}_shows", { isPausedUponCreation: false, params: { who: "me" } }, () => {
      docker("environment", {
        ...at,
        command: ["sh", "-c", "echo $A $B $C $KEY; echo last line of {{ ds }}"],
        environment: { A: "1", B: "{{ params.who }}" },
        envFile: "# note\\nC=3\\nA=0",
        privateEnvironment: { KEY: "hunter2-hunter2" },
        containerName: "${name}-named",
      });
      docker("place", {
        ...at,
        entrypoint: "/bin/sh -c",
        command: ["echo $(id -u) $(pwd) $(hostname) $(ulimit -n) $(cat /data/file); cat /proc/1/cmdline"],
        networkMode: "none",
        user: "shop",
        workingDir: "/tmp",
        hostname: "harbour",
        ulimits: [{ name: "nofile", soft: 333, hard: 444 }, { name: "nproc", soft: 512, hard: 1024 }],
        mounts: [{ type: "bind", source: "${given}", target: "/data", readOnly: true }],
        memLimit: "64m",
        cpus: 0.5,
        capAdd: ["NET_ADMIN"],
        labels: { team: "x" },
        extraHosts: { db: "10.0.0.1" },
        shmSize: "1m",
      });
      docker("all", { ...at, command: "sh -c 'echo one; echo beside >&2; echo two'", xcomAll: true });
      docker("temporary", {
        ...at,
        command: ["sh", "-c", "echo from $AIRFLOW_TMP_DIR > $AIRFLOW_TMP_DIR/x; cat /tmp/mine/x"],
        tmpDir: "/tmp/mine",
      });
      docker("retrieved", {
        ...at,
        command: ["sh", "-c", "echo '{\\"rows\\": 7}' > /tmp/result.json"],
        retrieveOutput: true,
        retrieveOutputPath: "/tmp/result.json",
      });
      docker("terminal", { ...at, tty: true, command: ["sh", "-c", "test -t 1 && echo a terminal"] });
      docker("second", { ...at, dockerUrl: ["unix:///nowhere/docker.sock", at.dockerUrl], command: "echo there" });
      docker("skips", { ...at, command: "sh -c 'exit 99'", skipOnExitCode: [98, 99] });
      docker("fails", { ...at, command: "sh -c 'echo oh no; exit 3'" });
      docker("nowhere", { ...at, image: "localhost:1/none:1" });
    });
    export const ends = dag("${name}_ends", { isPausedUponCreation: false }, () => {
      const sleeps = { ...at, command: "sleep 600" };
      docker("timed", { ...sleeps, executionTimeout: "6s" });
      docker("cleared", sleeps);
      docker("lost", { ...at, command: ["sh", "-c", "test $TRY = 2 || sleep 600"], environment: { TRY: "{{ ti.try_number }}" } });
    });\n`;
}

function states(dag: string): Record<string, string> {
  const rows = workflows.rows("tasks", "states-for-dag-run", dag, "one");
  return Object.fromEntries(
    rows.map((it) => [String(it["task_id"]), `${String(it["state"])}: ${String(it["reason"])}`]),
  );
}

/** Tasks and tries of the containers that run. */
async function running(host: DockerHostProcess): Promise<string[]> {
  const request = { method: "GET", path: "/containers/json" } as const;
  const list = JSON.parse(await host.engine.text(request, AbortSignal.timeout(boundMs))) as {
    Labels: Record<string, string>;
  }[];
  const labels = list.map((it) => it.Labels);
  return labels
    .map((it) => `${it["gantry.task_id"] ?? ""} ${it["gantry.try_number"] ?? ""}`)
    .sort();
}

before(() => {
  mkdirSync(given);
  writeFileSync(join(given, "file"), "given");
});

after(() => workflows[Symbol.asyncDispose]());

test("docker: needs an engine", { skip: engines.length > 0 }, (it) => {
  it.skip("needs root, busybox-static and podman or docker.io");
});

for (const name of engines) {
  test(`docker: tasks in containers of ${name}`, { timeout: 240_000 }, async () => {
    await using host = await DockerHostProcess.start(name);
    writeFileSync(join(workflows.dags, `${name}.ts`), file(name, host.url));
    workflows.start();
    await eventually(
      () => workflows.gantry("dags", "trigger", `${name}_shows`, "-r", "one"),
      boundMs,
    );
    workflows.gantry("dags", "trigger", `${name}_ends`, "-r", "one");
    await eventually(() => {
      const { fails = "", nowhere = "", skips = "", ...others } = states(`${name}_shows`);
      assert.match(fails, /^failed: the container ended with exit code 3: oh no$/);
      assert.match(nowhere, /^failed: .*localhost:1/);
      assert.match(skips, /^skipped: the container ended with exit code 99$/);
      assert.deepEqual(
        [...new Set(Object.values(others))],
        ["success: null"],
        JSON.stringify(others),
      );
    }, boundMs);
    const rows = workflows.rows("tasks", "outputs", `${name}_shows`, "one");
    const outputs = Object.fromEntries(
      rows.map((it): [string, unknown] => [String(it["task_id"]), it["value"]]),
    );
    assert.match(String(outputs["environment"]), /^last line of \d{4}-/);
    assert.deepEqual(outputs["all"], ["one", "two"]);
    assert.equal(outputs["temporary"], "from /tmp/mine");
    assert.deepEqual(outputs["retrieved"], { rows: 7 });
    assert.equal(outputs["terminal"], "a terminal");
    const log = (task: string): string =>
      workflows.gantry("tasks", "logs", `${name}_shows`, "one", task);
    assert.match(log("environment"), /1 me 3 \*\*\*/);
    assert.match(log("place"), /1234 \/tmp harbour 333 given/);
    assert.match(log("all"), /beside/);

    await eventually(async () => {
      assert.deepEqual(await running(host), ["cleared 1", "lost 1"]);
      assert.match(states(`${name}_ends`)["timed"] ?? "", /^failed: .*execution timeout/);
    }, boundMs);
    workflows.gantry("tasks", "clear", `${name}_ends`, "-r", "one", "-t", "^cleared$", "--yes");
    await eventually(async () => {
      assert.deepEqual(await running(host), ["cleared 2", "lost 1"]);
    }, boundMs);
    // The scheduler dies with its workers: the next one runs the task again, in one container.
    await workflows.end("SIGKILL");
    workflows.start();
    await eventually(async () => {
      assert.match(states(`${name}_ends`)["lost"] ?? "", /^success/);
      assert.deepEqual(await running(host), ["cleared 3"]);
    }, boundMs);
    await workflows.end("SIGKILL");
  });
}
