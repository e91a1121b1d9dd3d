import { InvalidArgumentError, Option, type Command } from "commander";
import { addBrokerOptions } from "./broker.ts";

/** Options of the scheduler about what runs tasks; Airflow's variables say the same. */
export function addExecutorOptions(command: Command): Command {
  command
    .addOption(
      new Option("--executor <names>", "what runs tasks: a name or a list, the first is standard")
        .env("AIRFLOW__CORE__EXECUTOR")
        .default("LocalExecutor"),
    )
    .option(
      "--kubernetes-queue <name>",
      "tasks of this queue go to Kubernetes with a hybrid executor",
      "kubernetes",
    )
    .option(
      "--worker-address <host:port>",
      "where workers elsewhere come for their jobs",
      "0.0.0.0:8794",
    )
    .option("--worker-url <url>", "how they reach it, if it is not this machine's address")
    .option("--worker-tls-cert <file>", "certificate for them; plain HTTP if unset")
    .option("--worker-tls-key <file>", "its key")
    .option("--worker-tls-ca <file>", "who has signed it; itself if unset");
  command.addOption(
    new Option(
      "--task-queued-timeout <seconds>",
      "what no worker of its queue has taken by then has failed",
    )
      .env("AIRFLOW__SCHEDULER__TASK_QUEUED_TIMEOUT")
      .argParser(parseNumber)
      .default(600),
  );
  for (const it of kubernetesOptions()) command.addOption(it);
  return addBrokerOptions(command);
}

/** Options of `gantry worker`; Airflow's. */
export function addWorkerOptions(command: Command): Command {
  return addBrokerOptions(command)
    .addOption(
      new Option("-q, --queues <names>", "queues to take tasks of, with commas between")
        .argParser((text) => text.split(",").map((it) => it.trim()))
        .default(["default"]),
    )
    .addOption(
      new Option("-c, --concurrency <number>", "tasks at a time, each in a process")
        .env("AIRFLOW__CELERY__WORKER_CONCURRENCY")
        .argParser(parseNumber)
        .default(16),
    )
    .addOption(
      new Option("--autoscale <max,min>", "most and fewest processes, instead of --concurrency")
        .env("AIRFLOW__CELERY__WORKER_AUTOSCALE")
        .argParser(parseRange),
    )
    .option("-H, --hostname <name>", "its name; the machine's if unset");
}

function parseRange(text: string): { readonly max: number; readonly min: number } {
  const [max = 0, min = 0] = text.split(",").map(parseNumber);
  if (max >= min && min >= 1) return { max, min };
  throw new InvalidArgumentError("expected max,min such as 16,4");
}

function kubernetesOptions(): Option[] {
  return [
    setting("--kubeconfig <file>", "cluster of the Kubernetes executor", "CONFIG_FILE"),
    setting("--kube-context <name>", "context in the kubeconfig", "CLUSTER_CONTEXT"),
    setting("--namespace <name>", "of workers' pods", "NAMESPACE"),
    setting(
      "--multi-namespace-mode",
      "templates may name other namespaces",
      "MULTI_NAMESPACE_MODE",
    ).default(false),
    setting(
      "--worker-image <name>",
      "of workers' pods: gantry image seed worker",
      "WORKER_CONTAINER_REPOSITORY",
    ).default("gantry/worker:latest"),
    setting("--pod-template-file <file>", "a pod on which workers' are made", "POD_TEMPLATE_FILE"),
    new Option("--no-delete-worker-pods", "keep the pods of tasks that have ended"),
    setting(
      "--delete-worker-pods-on-failure",
      "delete those of failed tasks too",
      "DELETE_WORKER_PODS_ON_FAILURE",
    ).default(false),
    setting(
      "--worker-pods-creation-batch-size <number>",
      "pods that are created at a time",
      "WORKER_PODS_CREATION_BATCH_SIZE",
    )
      .argParser(parseNumber)
      .default(16),
    setting(
      "--worker-pods-pending-timeout <seconds>",
      "a pod that has not started by then has failed",
      "WORKER_PODS_PENDING_TIMEOUT",
    )
      .argParser(parseNumber)
      .default(300),
  ];
}

function setting(flags: string, description: string, variable: string): Option {
  return new Option(flags, description).env(`AIRFLOW__KUBERNETES_EXECUTOR__${variable}`);
}

function parseNumber(text: string): number {
  const number = Number(text);
  if (Number.isInteger(number) && number >= 1) return number;
  throw new InvalidArgumentError("expected a whole number of at least 1");
}
