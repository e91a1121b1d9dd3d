// What `import … from "gantry/workflows"` gives.
export { dag, param, Dag } from "./dag.ts";
export { task, branch, expand, shortCircuit } from "./task.ts";
export type { Mappable, Run, ShortCircuitOptions, Task } from "./task.ts";
export { approval, choice } from "./approval.ts";
export type { ApprovalOptions, ChoiceOptions, Chosen } from "./approval.ts";
export { allOf, anyOf, asset, assetAlias } from "./asset.ts";
export type { Asset, AssetAlias, AssetExpression, AssetPart } from "./asset.ts";
export { chain, Output } from "./output.ts";
export type { Input, Link } from "./output.ts";
export { DagError, group } from "./draft.ts";
export { Element } from "./element.ts";
export { taskGroup } from "./mapped-group.ts";
export type { Given, MappableGroup, Repeated, TaskGroup } from "./mapped-group.ts";
export { FailError, SkipError } from "./context.ts";
export type { Outputs, TaskContext, Variables } from "./context.ts";
export type { ParamValue, ParamValues } from "./param-value.ts";
export type {
  Callback,
  CallbackContext,
  DagOptions,
  Deadline,
  ExecutorConfig,
  Param,
  Params,
  TaskOptions,
} from "./options.ts";
export type { Schedule, TimedSchedule } from "./schedule.ts";
export type { Timetable, TimetableMoment, TimetableRun } from "./timetable.ts";
export {
  docker,
  kubernetesApply,
  kubernetesCreate,
  kubernetesDelete,
  kubernetesDeleteJob,
  kubernetesJob,
  kubernetesPatchJob,
  kubernetesPod,
} from "./containers.ts";
export type {
  ClusterOptions,
  DockerOptions,
  KubernetesJobOptions,
  KubernetesJobPlace,
  KubernetesPodOptions,
  KubernetesResourceOptions,
  PodSecret,
} from "./containers.ts";
export type { PodCall, PodCallbacks, PodClient, PodLogLine } from "./pod-callbacks.ts";
export { bash, empty, fileSensor, http, sensor, sql, triggerDag } from "./operators.ts";
export {
  bashSensor,
  dateTimeSensor,
  externalTaskSensor,
  httpSensor,
  latestOnly,
  sqlSensor,
} from "./waiting.ts";
export type { ExternalTaskOptions, HttpSensorOptions } from "./waiting.ts";
export { email, fileTransfer } from "./sending.ts";
export type { EmailOptions, FileTransferOptions } from "./sending.ts";
export type {
  BashOptions,
  HttpOptions,
  SensorOptions,
  SqlOptions,
  TriggerDagOptions,
} from "./operators.ts";
export type { Connection } from "#dag/connection/connection.ts";
