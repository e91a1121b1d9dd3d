import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { after, before, suite, test } from "node:test";
import { eventually } from "#testing/eventually.ts";
import {
  findKubectls,
  image,
  nodeName,
  openSimulated,
  run,
  StreamingCluster,
  type Ran,
  type RunOptions,
} from "./streaming-fixture.ts";

const kubectls = await findKubectls();
if (kubectls.length === 0) process.stdout.write("# skipped: no kubectl on the PATH\n");

for (const [version, kubectl] of kubectls) {
  suite(`streaming, simulated containers, kubectl ${version}`, () => {
    let cluster: StreamingCluster;
    async function kube(line: string, options: RunOptions = {}): Promise<Ran> {
      const command = [kubectl, ...line.split(" ")];
      return await run(command, { KUBECONFIG: cluster.kubeconfig }, options);
    }

    before(async () => {
      cluster = await StreamingCluster.open(await openSimulated());
      for (const [name, command] of [
        ["idle", ["sleep", "86400"]],
        ["talk", ["sh", "-c", "echo one; echo two >&2; echo three; sleep 86400"]],
      ] as const) {
        const pod = {
          apiVersion: "v1",
          kind: "Pod",
          metadata: { name },
          spec: { nodeName, containers: [{ name: "main", image, command }] },
        };
        const stdin = Buffer.from(JSON.stringify(pod));
        await eventually(async () => {
          const created = await kube("create -f -", { stdin });
          assert.equal(created.code, 0, created.stderr);
        });
        const ready = await kube(`wait --for=condition=Ready pod/${name} --timeout=30s`);
        assert.equal(ready.code, 0, ready.stderr + cluster.lines.join(""));
      }
    });
    after(async () => {
      await cluster.close();
    });

    test("exit codes and both outputs of a command", async () => {
      const failed = await run(
        [kubectl, "exec", "idle", "--", "sh", "-c", "echo out; echo err >&2; exit 7"],
        { KUBECONFIG: cluster.kubeconfig },
      );
      assert.deepEqual(
        [failed.code, failed.stdout.toString(), failed.stderr],
        [7, "out\n", "err\ncommand terminated with exit code 7\n"],
      );
    });

    test("20 MiB through a command and back", async () => {
      const stdin = Buffer.alloc(20 * 1024 * 1024, "0123456789abcde\n");
      const ran = await kube("exec -i idle -- cat", { stdin });
      assert.equal(ran.code, 0, ran.stderr);
      assert.equal(sha(ran.stdout), sha(stdin));
    });

    test("logs: all, tail, times, an unknown container", async () => {
      assert.equal((await kube("logs talk")).stdout.toString(), "one\ntwo\nthree\n");
      assert.equal((await kube("logs talk --tail=1")).stdout.toString(), "three\n");
      const timed = (await kube("logs talk --timestamps --tail=1")).stdout.toString();
      assert.match(timed, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z three\n$/);
      const unknown = await kube("logs talk -c nobody");
      assert.match(unknown.stderr, /container nobody is not valid for pod talk/);
      const previous = await kube("logs talk --previous");
      assert.match(previous.stderr, /previous terminated container "main" in pod "talk" not found/);
    });

    test("a right to read is not one to run commands", async () => {
      const rules = ["--verb=get", "--resource=pods,pods/exec,pods/log"];
      await kube(["create role reader", ...rules].join(" "));
      await kube("create rolebinding reader --role=reader --user=jane");
      const denied = await kube("exec idle --as=jane -- true");
      assert.notEqual(denied.code, 0);
      assert.match(denied.stderr, /"jane" cannot create resource "pods\/exec"/);
      assert.equal((await kube("logs talk --as=jane --tail=1")).stdout.toString(), "three\n");
    });

    test("a command in a pod that is not there", async () => {
      const ran = await kube("exec nobody -- true");
      assert.equal(ran.code, 1);
      assert.match(ran.stderr, /pods "nobody" not found/);
    });
  });
}

function sha(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}
