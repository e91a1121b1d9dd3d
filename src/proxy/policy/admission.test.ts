import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeClock } from "#base/clock.ts";
import { admissionKey, admissionMsMax, PodAdmission } from "./admission.ts";

const never = new AbortController().signal;

/** A pod that asks to be admitted, and whether it was. */
function asks(admission: PodAdmission, signal = never): { readonly state: () => string } {
  let state = "waits";
  admission.admit("d/web", "10.244.0.2", signal).then(
    () => (state = "admitted"),
    () => (state = "refused"),
  );
  return { state: () => state };
}

async function turn(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}

test("PodAdmission: waits for the rules of this pod at this address", async () => {
  const admission = new PodAdmission(new FakeClock());
  let touched = 0;
  admission.follow({ needsRules: () => true, touch: () => (touched += 1) });
  const pod = asks(admission);
  assert.equal(touched, 1);
  assert.deepEqual([...admission.pending], [["d/web", "10.244.0.2"]]);
  admission.admitted(new Set([admissionKey("d/web", "10.244.0.9")]));
  await turn();
  assert.equal(pod.state(), "waits");
  admission.admitted(new Set([admissionKey("d/web", "10.244.0.2")]));
  await turn();
  assert.equal(pod.state(), "admitted");
  admission.forget("d/web");
  assert.equal(admission.pending.size, 0);
});

test("PodAdmission: no policies, no wait; but somebody has to know that", async () => {
  const admission = new PodAdmission(new FakeClock());
  const pod = asks(admission);
  await turn();
  assert.equal(pod.state(), "waits");
  admission.follow({ needsRules: () => false, touch: () => undefined });
  await turn();
  assert.equal(pod.state(), "admitted");
});

test("PodAdmission: a pod starts late rather than never, and not at all when it is ended", async () => {
  const clock = new FakeClock();
  const admission = new PodAdmission(clock);
  const late = asks(admission);
  await clock.advance(admissionMsMax);
  await turn();
  assert.equal(late.state(), "admitted");
  const stop = new AbortController();
  const ended = asks(admission, stop.signal);
  stop.abort(new Error("deleted"));
  await turn();
  assert.equal(ended.state(), "refused");
});
