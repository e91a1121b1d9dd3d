import type {
  MutatingAdmissionPolicy,
  MutatingAdmissionPolicyBinding,
  MutatingWebhookConfiguration,
  ObjectMeta,
  ParamKind,
  ParamRef,
  ValidatingAdmissionPolicy,
  ValidatingAdmissionPolicyBinding,
  ValidatingWebhookConfiguration,
} from "#api/gen/types.ts";
import {
  ageColumn,
  ageOf,
  column,
  formatSelector,
  nameColumn,
  nameOf,
  typedColumn,
} from "#api/rules/columns.ts";
import type { Loose, Printer, Rules } from "#api/rules/rules.ts";
import {
  defaultMutatingWebhooks,
  defaultPolicy,
  defaultPolicyBinding,
  defaultValidatingWebhooks,
} from "./defaults.ts";
import {
  validateMutatingPolicy,
  validateMutatingPolicyBinding,
  validateMutatingWebhooks,
  validateValidatingPolicy,
  validateValidatingPolicyBinding,
  validateValidatingWebhooks,
} from "./validation.ts";

const shared = { generation: true, allowUnconditionalUpdate: false } as const;

interface Hooks {
  readonly metadata?: Loose<ObjectMeta> | undefined;
  readonly webhooks?: readonly unknown[] | undefined;
}

const webhookPrinter: Printer<unknown> = {
  columns: [nameColumn, typedColumn("Webhooks", "integer", "How many there are."), ageColumn],
  cells: (it: Hooks, nowMs) => [nameOf(it), it.webhooks?.length ?? 0, ageOf(it, nowMs)],
};

export const validatingWebhookRules: Rules<ValidatingWebhookConfiguration> = {
  ...shared,
  default: defaultValidatingWebhooks,
  validate: validateValidatingWebhooks,
  printer: webhookPrinter,
};

export const mutatingWebhookRules: Rules<MutatingWebhookConfiguration> = {
  ...shared,
  default: defaultMutatingWebhooks,
  validate: validateMutatingWebhooks,
  printer: webhookPrinter,
};

const paramColumn = column("ParamKind", "The kind of its parameters.");

export const validatingPolicyRules: Rules<ValidatingAdmissionPolicy> = {
  ...shared,
  default: defaultPolicy,
  validate: validateValidatingPolicy,
  printer: {
    columns: [
      nameColumn,
      typedColumn("Validations", "integer", "How many there are."),
      paramColumn,
      ageColumn,
    ],
    cells: (it, nowMs) => [
      nameOf(it),
      it.spec?.validations?.length ?? 0,
      formatParamKind(it.spec?.paramKind),
      ageOf(it, nowMs),
    ],
  },
};

export const mutatingPolicyRules: Rules<MutatingAdmissionPolicy> = {
  ...shared,
  default: defaultPolicy,
  validate: validateMutatingPolicy,
  printer: {
    columns: [
      nameColumn,
      typedColumn("Mutations", "integer", "How many there are."),
      paramColumn,
      ageColumn,
    ],
    cells: (it, nowMs) => [
      nameOf(it),
      it.spec?.mutations?.length ?? 0,
      formatParamKind(it.spec?.paramKind),
      ageOf(it, nowMs),
    ],
  },
};

interface Binding {
  readonly metadata?: Loose<ObjectMeta> | undefined;
  readonly spec?:
    | { readonly policyName?: string | undefined; readonly paramRef?: Loose<ParamRef> | undefined }
    | undefined;
}

const bindingPrinter: Printer<unknown> = {
  columns: [
    nameColumn,
    column("PolicyName", "The policy it puts to work."),
    column("ParamRef", "The parameters of the policy."),
    ageColumn,
  ],
  cells: (it: Binding, nowMs) => [
    nameOf(it),
    it.spec?.policyName ?? "",
    formatParams(it.spec?.paramRef),
    ageOf(it, nowMs),
  ],
};

export const validatingPolicyBindingRules: Rules<ValidatingAdmissionPolicyBinding> = {
  ...shared,
  default: defaultPolicyBinding,
  validate: validateValidatingPolicyBinding,
  printer: bindingPrinter,
};

export const mutatingPolicyBindingRules: Rules<MutatingAdmissionPolicyBinding> = {
  ...shared,
  default: defaultPolicyBinding,
  validate: validateMutatingPolicyBinding,
  printer: bindingPrinter,
};

function formatParamKind(kind: Loose<ParamKind> | undefined): string {
  return kind === undefined ? "<unset>" : `${kind.apiVersion ?? ""}/${kind.kind ?? ""}`;
}

function formatParams(ref: Loose<ParamRef> | undefined): string {
  const { name = "", namespace = "", selector } = ref ?? {};
  // Whether the parameter has a namespace cannot be told here.
  if (name !== "") return `${namespace === "" ? "*" : namespace}/${name}`;
  return selector === undefined ? "<unset>" : formatSelector(selector);
}
