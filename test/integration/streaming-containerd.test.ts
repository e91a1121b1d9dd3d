import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, suite, test } from "node:test";
import { eventually } from "#testing/eventually.ts";
import {
  findKubectls,
  image,
  nodeName,
  openContainerd,
  run,
  StreamingCluster,
  whyNoContainers,
  type Ran,
  type RunOptions,
} from "./streaming-fixture.ts";

const kubectls = await findKubectls();
const skip = kubectls.length === 0 ? "no kubectl on the PATH" : await whyNoContainers();
if (skip !== false) process.stdout.write(`# streaming with containerd is skipped: ${skip}\n`);

const twentyMiB = Buffer.alloc(20 * 1024 * 1024, randomBytes(65_537));
const never = new AbortController().signal;

const pods: Readonly<Record<string, object>> = {
  web: {
    nodeName,
    terminationGracePeriodSeconds: 1,
    containers: [
      {
        name: "main",
        image,
        imagePullPolicy: "IfNotPresent",
        command: ["sh", "-c", "mkdir /www; echo hello > /www/index.html; httpd -f -p 8080 -h /www"],
        ports: [{ containerPort: 8080 }],
      },
    ],
  },
  two: {
    nodeName,
    terminationGracePeriodSeconds: 1,
    containers: ["first", "second"].map((name) => ({
      name,
      image,
      imagePullPolicy: "IfNotPresent",
      command: ["sh", "-c", `echo I am ${name}; sleep 86400`],
    })),
  },
  crash: {
    nodeName,
    containers: [
      {
        name: "main",
        image,
        imagePullPolicy: "IfNotPresent",
        command: ["sh", "-c", "echo about to fail; exit 3"],
      },
    ],
  },
  chatty: {
    nodeName,
    terminationGracePeriodSeconds: 1,
    containers: [
      {
        name: "main",
        image,
        imagePullPolicy: "IfNotPresent",
        command: ["sh", "-c", "i=0; while true; do i=$((i+1)); echo line $i; sleep 0.1; done"],
      },
    ],
  },
  reader: {
    nodeName,
    terminationGracePeriodSeconds: 1,
    restartPolicy: "Never",
    containers: [
      {
        name: "main",
        image,
        imagePullPolicy: "IfNotPresent",
        stdin: true,
        stdinOnce: true,
        command: ["cat"],
      },
    ],
  },
};

for (const [version, kubectl] of kubectls) {
  suite(`streaming, containerd, kubectl ${version}`, { skip }, () => {
    let cluster: StreamingCluster;
    let directory: string;

    async function kube(args: readonly string[], options: RunOptions = {}): Promise<Ran> {
      return await run([kubectl, ...args], { KUBECONFIG: cluster.kubeconfig }, options);
    }
    async function text(...args: string[]): Promise<string> {
      const ran = await kube(args);
      assert.equal(ran.code, 0, ran.stderr + cluster.lines.slice(-20).join(""));
      return ran.stdout.toString();
    }

    before(async () => {
      directory = await mkdtemp(join(tmpdir(), "gantry-kubectl-"));
      cluster = await StreamingCluster.open(await openContainerd());
      await eventually(() => text("get", "serviceaccount", "default"));
      for (const [name, spec] of Object.entries(pods)) {
        const pod = { apiVersion: "v1", kind: "Pod", metadata: { name }, spec };
        const created = await kube(["create", "-f", "-"], {
          stdin: Buffer.from(JSON.stringify(pod)),
        });
        assert.equal(created.code, 0, created.stderr);
      }
      const names = ["web", "two", "chatty", "reader"].map((it) => `pod/${it}`);
      const waiting = ["wait", "--for=condition=Ready", "--timeout=50s", ...names];
      const waited = await kube(waiting);
      if (waited.code !== 0) {
        assert.fail(
          `${waited.stderr}\n${await text("get", "pods,events")}\n${cluster.lines.join("")}`,
        );
      }
    });
    after(async () => {
      await cluster.close();
      await rm(directory, { recursive: true });
    });

    test("exec: exit codes, both outputs, a command that is not there", async () => {
      const script = "echo out; echo err >&2; exit 7";
      const failed = await kube(["exec", "web", "--", "sh", "-c", script]);
      assert.deepEqual(
        [failed.code, failed.stdout.toString(), failed.stderr],
        [7, "out\n", "err\ncommand terminated with exit code 7\n"],
      );
      const missing = await kube(["exec", "web", "--", "no-such-program"]);
      assert.notEqual(missing.code, 0);
      assert.match(missing.stderr, /no-such-program.*executable file not found/s);
    });

    test("exec: containers by name, and the messages when there is none", async () => {
      assert.equal(await text("exec", "two", "-c", "second", "--", "echo", "hi"), "hi\n");
      const unknown = await kube(["exec", "two", "-c", "third", "--", "true"]);
      assert.match(unknown.stderr, /container third is not valid for pod two/);
    });

    test("exec: 20 MiB in, 20 MiB out, with the end of the input passed on", async () => {
      const counted = await kube(["exec", "-i", "web", "--", "sha256sum"], { stdin: twentyMiB });
      assert.equal(counted.stdout.toString().split(" ")[0], sha(twentyMiB), counted.stderr);
      const back = await kube(["exec", "-i", "web", "--", "cat"], { stdin: twentyMiB });
      assert.equal(sha(back.stdout), sha(twentyMiB), back.stderr);
    });

    test("exec: a command that does not read its input ends all the same", async () => {
      const small = { stdin: Buffer.alloc(60_000) };
      assert.equal((await kube(["exec", "-i", "web", "--", "true"], small)).code, 0);
      // containerd 1.6 may keep the exit code to itself when much is left, or break off the session
      // with what it has not sent yet: kubectl ends all the same, and says why its answer is not whole.
      const much = await kube(["exec", "-i", "web", "--", "echo", "over"], { stdin: twentyMiB });
      if (much.code === 0) assert.equal(much.stdout.toString(), "over\n", much.stderr);
      else assert.match(much.stderr, /ended without reading its input|the session (broke|ended)/);
    });

    test("exec: the command ends when its kubectl is killed", async () => {
      const child = spawn(kubectl, ["exec", "-i", "web", "--", "sh", "-c", "echo up; exec cat"], {
        env: { ...process.env, KUBECONFIG: cluster.kubeconfig },
      });
      await once(child.stdout, "data");
      child.kill("SIGKILL");
      await eventually(async () => {
        const running = await text("exec", "web", "--", "ps");
        assert.doesNotMatch(running, / cat$/m);
      });
    });

    test("exec -it: a terminal with the size of ours", async () => {
      const inner = `stty rows 31 cols 97; ${kubectl} exec -it web -- sh -c 'tty; until stty size 2>/dev/null | grep .; do sleep 0.1; done; exit 5'`;
      const ran = await run(["script", "-qec", inner, "/dev/null"], {
        KUBECONFIG: cluster.kubeconfig,
        TERM: "xterm",
      });
      assert.equal(ran.code, 5, ran.stdout.toString());
      assert.match(ran.stdout.toString(), /\/dev\/pts\/\d+/);
      assert.match(ran.stdout.toString(), /31 97/);
    });

    test("cp: a directory there and back", async () => {
      const local = join(directory, "big.bin");
      await writeFile(local, twentyMiB);
      await text("cp", local, "web:/tmp/big.bin");
      await text("cp", "web:/tmp/big.bin", join(directory, "back.bin"));
      assert.equal(sha(await readFile(join(directory, "back.bin"))), sha(twentyMiB));
    });

    test("attach -i: what is written comes back, and the container ends with its input", async () => {
      const ran = await kube(["attach", "-i", "reader"], { stdin: Buffer.from("to the reader\n") });
      assert.match(ran.stdout.toString(), /to the reader/, ran.stderr);
      await text("wait", "--for=jsonpath={.status.phase}=Succeeded", "pod/reader", "--timeout=30s");
      assert.equal(await text("logs", "reader"), "to the reader\n");
    });

    test("port-forward: five connections at once, and a port where nobody listens", async () => {
      const forward = spawn(kubectl, ["port-forward", "pod/web", ":8080", ":9999"], {
        env: { ...process.env, KUBECONFIG: cluster.kubeconfig },
      });
      let output = "";
      forward.stdout.on("data", (chunk: Buffer) => (output += chunk.toString()));
      forward.stderr.on("data", (chunk: Buffer) => (output += chunk.toString()));
      try {
        const portOf = (target: number): Promise<number> =>
          eventually(() => {
            const found = new RegExp(`127.0.0.1:(\\d+) -> ${target}`).exec(output)?.[1];
            assert.ok(found !== undefined, output);
            return Number(found);
          });
        const port = await portOf(8080);
        for (let round = 0; round < 3; round += 1) {
          const bodies = await Promise.all(Array.from({ length: 5 }, () => get(port)));
          assert.deepEqual(bodies, Array<string>(5).fill("hello\n"));
        }
        await assert.rejects(get(await portOf(9999)));
        await eventually(() => {
          assert.match(output, /an error occurred forwarding|error forwarding port 9999/);
        });
        // New kubectls give the whole connection up after an error, as with any Kubernetes.
      } finally {
        forward.kill();
      }
    });

    test("logs: of a container among two, and what is said without a name", async () => {
      assert.equal(await text("logs", "two", "-c", "second"), "I am second\n");
      const raw = await kube(["get", "--raw", "/api/v1/namespaces/default/pods/two/log"]);
      assert.match(
        raw.stderr,
        /a container name must be specified for pod two, choose one of: \[first second\]/,
      );
    });

    test("logs --previous, of a container that crashes", async () => {
      await eventually(async () => {
        assert.equal(await text("logs", "crash", "--previous"), "about to fail\n");
      }, 60_000);
    });

    test("logs: --tail, --since, --timestamps, --limit-bytes", async () => {
      const tail = await text("logs", "chatty", "--tail=3");
      assert.match(tail, /^line \d+\nline \d+\nline \d+\n$/);
      const recent = (await text("logs", "chatty", "--since=1s")).trim().split("\n").length;
      assert.ok(recent <= 14, `${recent} lines of one second`);
      assert.match(
        await text("logs", "chatty", "--tail=1", "--timestamps"),
        /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z line \d+\n$/,
      );
      assert.equal(await text("logs", "chatty", "--limit-bytes=6"), "line 1");
      const bad = await kube([
        "get",
        "--raw",
        "/api/v1/namespaces/default/pods/chatty/log?tailLines=-1",
      ]);
      assert.match(bad.stderr, /tailLines: Invalid value: -1/);
    });

    test("logs -f: over rotations, without a gap", async () => {
      const follow = spawn(kubectl, ["logs", "-f", "chatty"], {
        env: { ...process.env, KUBECONFIG: cluster.kubeconfig },
      });
      let output = "";
      follow.stdout.on("data", (chunk: Buffer) => (output += chunk.toString()));
      try {
        for (let round = 0; round < 3; round += 1) {
          const before = output.length;
          await eventually(() => {
            assert.ok(output.length > before + 40, output);
          });
          await cluster.rotateLogs("chatty");
        }
        const before = output.length;
        await eventually(() => {
          assert.ok(output.length > before + 40, output);
        });
      } finally {
        follow.kill();
      }
      const numbers = [...output.matchAll(/line (\d+)\n/g)].map((it) => Number(it[1]));
      assert.deepEqual(
        numbers,
        numbers.map((_, index) => index + 1),
      );
    });

    test("logs -f: lines as they come, and the end with the pod", async () => {
      const follow = spawn(kubectl, ["logs", "-f", "chatty", "--tail=1"], {
        env: { ...process.env, KUBECONFIG: cluster.kubeconfig },
      });
      let output = "";
      follow.stdout.on("data", (chunk: Buffer) => (output += chunk.toString()));
      const closed = new Promise((resolve) => follow.on("close", resolve));
      await eventually(() => {
        assert.ok(output.split("\n").length > 5, output);
      });
      await text("delete", "pod", "chatty", "--wait=false");
      await closed;
      const numbers = [...output.matchAll(/line (\d+)/g)].map((it) => Number(it[1]));
      const [first = 0] = numbers;
      assert.deepEqual(
        numbers,
        numbers.map((_, index) => first + index),
      );
    });

    test("proxy: a pod and a service by the API server, and the node's own paths", async () => {
      const raw = (path: string): Promise<string> => text("get", "--raw", path);
      const base = "/api/v1/namespaces/default";
      assert.equal(await raw(`${base}/pods/web:8080/proxy/index.html`), "hello\n");
      assert.equal(await raw(`/api/v1/nodes/${nodeName}/proxy/healthz`), "ok");
      assert.match(
        await raw(`/api/v1/nodes/${nodeName}/proxy/metrics/resource`),
        /container_cpu_usage_seconds_total\{container="main",namespace="default",pod="web"\} \d/,
      );
      await text("label", "pod", "web", "app=web", "--overwrite");
      await text("create", "service", "clusterip", "web", "--tcp=80:8080");
      await eventually(async () => {
        assert.equal(await raw(`${base}/services/web:80/proxy/`), "hello\n");
      });
      await text("delete", "service", "web");
    });
  });
}

async function get(port: number): Promise<string> {
  return await new Promise((resolve, reject) => {
    const asked = request({ host: "127.0.0.1", port, path: "/", agent: false, signal: never });
    asked.on("error", reject);
    asked.on("response", (response) => {
      let body = "";
      response.setEncoding("utf8");
      response.on("data", (chunk: string) => (body += chunk));
      response.on("error", reject);
      response.on("end", () => {
        resolve(body);
      });
    });
    asked.end();
  });
}

function sha(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}
