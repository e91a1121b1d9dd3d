import type { FlowSchema, PriorityLevelConfiguration } from "#api/gen/types.ts";
import { ageColumn, ageOf, column, nameColumn, nameOf, typedColumn } from "#api/rules/columns.ts";
import type { Rules } from "#api/rules/rules.ts";
import { defaultFlowSchema, defaultPriorityLevel } from "./defaults.ts";
import { validateFlowSchema, validatePriorityLevel } from "./validation.ts";

export const flowSchemaRules: Rules<FlowSchema> = {
  generation: true,
  allowUnconditionalUpdate: false,
  default: defaultFlowSchema,
  validate: validateFlowSchema,
  printer: {
    columns: [
      nameColumn,
      column("PriorityLevel", "The priority level of its requests."),
      typedColumn("MatchingPrecedence", "integer", "The lowest that matches a request counts."),
      column("DistinguisherMethod", "How its requests are told apart."),
      ageColumn,
      column("MissingPL", "Whether its priority level does not exist."),
    ],
    cells: (it, nowMs) => [
      nameOf(it),
      it.spec?.priorityLevelConfiguration?.name ?? "",
      it.spec?.matchingPrecedence ?? 0,
      it.spec?.distinguisherMethod?.type ?? "<none>",
      ageOf(it, nowMs),
      (it.status?.conditions ?? []).find(({ type }) => type === "Dangling")?.status ?? "?",
    ],
  },
};

export const priorityLevelRules: Rules<PriorityLevelConfiguration> = {
  generation: true,
  allowUnconditionalUpdate: false,
  default: defaultPriorityLevel,
  validate: validatePriorityLevel,
  printer: {
    columns: [
      nameColumn,
      column("Type", "Whether its requests are limited."),
      column("NominalConcurrencyShares", "Its part of the requests that run at once."),
      column("Queues", "How many queues there are."),
      column("HandSize", "How many queues one flow may use."),
      column("QueueLengthLimit", "How many requests may wait in a queue."),
      ageColumn,
    ],
    cells: (it, nowMs) => {
      const limited = it.spec?.limited;
      const queuing = limited?.limitResponse?.queuing;
      return [
        nameOf(it),
        it.spec?.type ?? "",
        limited === undefined ? "<none>" : (limited.nominalConcurrencyShares ?? 0),
        queuing === undefined ? "<none>" : (queuing.queues ?? 0),
        queuing === undefined ? "<none>" : (queuing.handSize ?? 0),
        queuing === undefined ? "<none>" : (queuing.queueLengthLimit ?? 0),
        ageOf(it, nowMs),
      ];
    },
  },
};
