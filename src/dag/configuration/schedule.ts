import type { Schedule, TimedSchedule } from "#dag/authoring/schedule.ts";
import { scheduleModel } from "#dag/authoring/schedule.ts";
import { scheduleProblem, timePart } from "#dag/timetable/timetable.ts";
import { readAssetCondition } from "./assets.ts";
import { ConfigurationError } from "./error.ts";
import {
  fieldsOf,
  isList,
  isMapping,
  type MappingNode,
  shown,
  type Fields,
  type Node,
} from "./node.ts";
import { duration, listOf, text, timeZone, typeName } from "./values.ts";

const scheduleKeys = ["schedule", "schedule_interval", "timetable"] as const;

/**
 * When a DAG runs: a cron expression or preset, several, `{every: 90m}`, a time delta, or one of
 * Airflow's timetables as `{__type__: …CronTriggerTimetable, cron: …, timezone: …}`, or assets, alone or
 * with `time` besides: a list of URIs, `{assets: …}`, `{or: […]}`.
 * @throws {ConfigurationError} at a schedule that cannot be.
 */
export function readSchedule(fields: Fields, zone: string): Schedule {
  const node = scheduleKeys.map((it) => fields.get(it)).find((it) => it !== undefined);
  if (node === undefined || node.value === null) return null;
  const schedule = scheduleOf(node);
  const problem = scheduleProblem(scheduleModel(schedule, zone));
  if (problem !== undefined) throw new ConfigurationError(node.place, problem);
  return schedule;
}

function scheduleOf(node: Node): Schedule {
  if (isList(node)) {
    return node.value.some(isAsset) ? readAssetCondition(node) : node.value.map(text);
  }
  if (!isMapping(node)) return text(node);
  const type = typeName(node);
  const assets = assetsOf(type, node);
  return assets === undefined ? timeOf(type, node) : assetSchedule(node, assets);
}

function assetSchedule(node: MappingNode, assets: Node): Schedule {
  const time = node.value.get("time") ?? node.value.get("timetable");
  const condition = readAssetCondition(assets);
  return time === undefined ? condition : { assets: condition, time: timed(time) };
}

function timeOf(type: string | undefined, node: MappingNode): TimedSchedule {
  if (type === "timedelta" || type === "duration") return { every: duration(node) };
  const every = node.value.get("every") ?? deltaOf(type, node);
  if (every !== undefined) return everyOf(type, node, every);
  const { cron, isTrigger } = cronOf(type, node);
  const interval = node.value.get("interval");
  const zone = node.value.get("timezone") ?? node.value.get("timeZone");
  return {
    cron,
    ...(zone === undefined ? {} : { timeZone: timeZone(zone) }),
    ...(isTrigger === undefined ? {} : { trigger: isTrigger }),
    ...(interval === undefined ? {} : { interval: duration(interval) }),
  };
}

/** One of Airflow's lists of assets or their URIs; cron expressions are neither. */
function isAsset(node: Node): boolean {
  return isMapping(node) || (typeof node.value === "string" && node.value.includes("://"));
}

/** The part of a schedule that is about assets. */
function assetsOf(type: string | undefined, node: MappingNode): Node | undefined {
  const { value } = node;
  const isAsset = type === "Asset" || type === "Dataset" || type === "AssetAlias";
  const isCondition = ["or", "and", "any", "all"].some((it) => value.has(it));
  return isAsset || isCondition ? node : (value.get("assets") ?? value.get("datasets"));
}

function timed(node: Node): TimedSchedule {
  const schedule = scheduleOf(node);
  if (timePart(scheduleModel(schedule, "UTC")).kind !== "none") return schedule as TimedSchedule;
  throw new ConfigurationError(node.place, "expected a schedule by the clock");
}

function everyOf(type: string | undefined, node: Node, every: Node): TimedSchedule {
  const fields = fieldsOf(node, "schedule");
  const interval = fields.get("interval");
  return {
    every: duration(every),
    trigger: fields.get("trigger")?.value === true || type === "DeltaTriggerTimetable",
    ...(interval === undefined ? {} : { interval: duration(interval) }),
  };
}

function deltaOf(type: string | undefined, node: Node): Node | undefined {
  const isDelta = type === "DeltaDataIntervalTimetable" || type === "DeltaTriggerTimetable";
  return isDelta ? fieldsOf(node, "schedule").get("delta") : undefined;
}

function cronOf(
  type: string | undefined,
  node: Node,
): { readonly cron: string | string[]; readonly isTrigger: boolean | undefined } {
  const fields = fieldsOf(node, "schedule");
  const cron = fields.get("cron") ?? fields.get("crons");
  if (cron === undefined) {
    const what = type === undefined ? shown(node) : `'${type}'`;
    throw new ConfigurationError(
      node.place,
      `${what} is no schedule: expected a cron expression, a preset, {every: …} or {cron: …}`,
    );
  }
  const trigger = fields.get("trigger")?.value;
  const named = type === undefined ? undefined : type.includes("Trigger");
  return {
    cron: isList(cron) ? listOf(text)(cron) : text(cron),
    isTrigger: typeof trigger === "boolean" ? trigger : named,
  };
}
