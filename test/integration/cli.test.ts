// The program's own verbs against a system of its own, on the simulated runtime.
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { after, before, test } from "node:test";
import { GantryProcess, type CommandResult } from "#testing/gantry-process.ts";

const skip = existsSync("dist/gantry.js") ? undefined : "needs the bundle: npm run bundle";
const port = 26_444;
let system: GantryProcess | undefined;

before(() => {
  if (skip !== undefined) return;
  system = new GantryProcess(port);
  const up = system.up("--runtime", "simulated");
  assert.equal(up.code, 0, up.stderr);
});

after(() => {
  system?.[Symbol.dispose]();
});

const deployment = {
  apiVersion: "apps/v1",
  kind: "Deployment",
  metadata: { name: "web" },
  spec: {
    replicas: 2,
    selector: { matchLabels: { app: "web" } },
    template: {
      metadata: { labels: { app: "web" } },
      spec: { containers: [{ name: "c", image: "busybox" }] },
    },
  },
};

// In order: each finds what those before it made.
const steps: [words: string, input: string, code: number, want: RegExp][] = [
  ["get pods", "", 0, /No resources found in default namespace/],
  ["apply -f -", JSON.stringify(deployment), 0, /^deployment.apps\/web created/],
  ["apply -f -", JSON.stringify(deployment), 0, /^deployment.apps\/web unchanged/],
  ["rollout status deploy/web", "", 0, /deployment "web" successfully rolled out/],
  ["get deploy,rs", "", 0, /NAME +READY +UP-TO-DATE[^]*NAME +DESIRED/],
  ["get deploy/web -o yaml", "", 0, /kind: Deployment/],
  ["get pods -l app=web -o name", "", 0, /^pod\/web-\S+\npod\/web-\S+\n$/],
  ["get pods -A --show-labels", "", 0, /NAMESPACE +NAME .*LABELS[^]*app=web/],
  ["scale deploy/web --replicas 3", "", 0, /deployment.apps\/web scaled/],
  ["rollout restart deploy/web", "", 0, /restarted/],
  ["rollout status deploy/web", "", 0, /successfully rolled out/],
  ["rollout history deploy/web", "", 0, /REVISION[^]*1[^]*2/],
  ["rollout undo deploy/web", "", 0, /rolled back/],
  ["exec deploy/web -- true", "", 0, /^$/],
  ["exec deploy/web -- sh -c exit\u00a03", "", 3, /^$/],
  ["describe deploy web", "", 0, /events:[^]*ScalingReplicaSet/],
  ["delete deploy web", "", 0, /deployment.apps\/web deleted/],
  ["get deploy web", "", 1, /Error from server \(NotFound\): deployments.apps "web" not found/],
  ["get podz", "", 1, /doesn't have a resource type "podz"/],
  ["apply -f -", "a: [", 1, /error parsing standard input/],
  ["apply -f /nonexistent.yaml", "", 1, /ENOENT/],
  ["get pods -o xml", "", 1, /none of: wide, json, yaml, name/],
];

for (const [words, input, code, want] of steps) {
  test(`gantry ${words} -> ${code}`, { skip }, () => {
    assert.ok(system !== undefined);
    const args = words.split(" ").map((it) => it.replaceAll("\u00a0", " "));
    const at = args.indexOf("--");
    const options = ["--kubeconfig", system.kubeconfig];
    const all =
      at < 0 ? [...args, ...options] : [...args.slice(0, at), ...options, ...args.slice(at)];
    const result: CommandResult = system.program(all, input);
    assert.equal(result.code, code, result.stderr);
    assert.match(
      `${result.stdout}${result.code === 0 && result.stdout !== "" ? "" : result.stderr}`,
      want,
    );
  });
}
