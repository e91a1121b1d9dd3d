/** Why a test does not pass. The document names the failed test's own words where none is here. */
export interface Reason {
  readonly tests: RegExp;
  /** A sentence's worth, in Markdown. */
  readonly reason: string;
}

export const reasons: readonly Reason[] = [
  {
    tests: /CustomResource|FieldValidation .*(?:CR|typed)|CRD|custom resource/,
    reason: "custom resources are not served yet",
  },
  {
    tests: /AggregatedDiscovery|Discovery should locate/,
    reason: "asks for the groups of custom resources and of aggregation, which are not served yet",
  },
  { tests: /AdmissionWebhook/, reason: "admission webhooks are not called yet" },
  { tests: /\] Aggregator /, reason: "other API servers are not aggregated yet" },
  {
    tests: /ValidatingAdmissionPolicy|MutatingAdmissionPolicy/,
    reason: "admission policies are kept but not evaluated yet",
  },
  {
    tests: /Pods should run through the lifecycle of Pods and PodStatus/,
    reason:
      "a race in the test: it changes the image, and counts on the pod being ready still when it " +
      "reads the status; passed in an earlier run",
  },
];
