import type {
  MatchResources,
  MutatingAdmissionPolicy,
  MutatingAdmissionPolicyBinding,
  MutatingWebhook,
  MutatingWebhookConfiguration,
  ValidatingAdmissionPolicy,
  ValidatingAdmissionPolicyBinding,
  ValidatingWebhook,
  ValidatingWebhookConfiguration,
} from "#api/gen/types.ts";
import type { Draft } from "#api/rules/rules.ts";

/** Upstream: `pkg/apis/admissionregistration/v1/defaults.go`. */

export function defaultValidatingWebhooks(it: Draft<ValidatingWebhookConfiguration>): void {
  for (const hook of it.webhooks ?? []) defaultWebhook(hook);
}

export function defaultMutatingWebhooks(it: Draft<MutatingWebhookConfiguration>): void {
  for (const hook of it.webhooks ?? []) {
    defaultWebhook(hook);
    hook.reinvocationPolicy ??= "Never";
  }
}

function defaultWebhook(hook: Draft<ValidatingWebhook> | Draft<MutatingWebhook>): void {
  hook.failurePolicy ??= "Fail";
  hook.timeoutSeconds ??= 10;
  defaultMatch(hook);
  defaultScopes(hook.rules);
  const service = hook.clientConfig?.service;
  if (service !== undefined) service.port ??= 443;
}

export function defaultPolicy(
  it: Draft<ValidatingAdmissionPolicy> | Draft<MutatingAdmissionPolicy>,
): void {
  const spec = (it.spec ??= {});
  spec.failurePolicy ??= "Fail";
  defaultMatchResources(spec.matchConstraints);
}

export function defaultPolicyBinding(
  it: Draft<ValidatingAdmissionPolicyBinding> | Draft<MutatingAdmissionPolicyBinding>,
): void {
  defaultMatchResources(it.spec?.matchResources);
}

function defaultMatchResources(match: Draft<MatchResources> | undefined): void {
  if (match === undefined) return;
  defaultMatch(match);
  defaultScopes(match.resourceRules);
  defaultScopes(match.excludeResourceRules);
}

function defaultMatch(it: Draft<MatchResources>): void {
  it.matchPolicy ??= "Equivalent";
  it.namespaceSelector ??= {};
  it.objectSelector ??= {};
}

function defaultScopes(rules: { scope?: string | undefined }[] | undefined): void {
  for (const rule of rules ?? []) rule.scope ??= "*";
}
