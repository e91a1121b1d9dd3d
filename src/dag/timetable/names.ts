import type { ScheduleModel } from "#dag/model/model.ts";

/** What a schedule is called in Airflow: the class of its timetable. */
export function timetableName(schedule: ScheduleModel): string {
  switch (schedule.kind) {
    case "none":
      return "NullTimetable";
    case "once":
      return "OnceTimetable";
    case "continuous":
      return "ContinuousTimetable";
    case "delta":
      return "DeltaDataIntervalTimetable";
    case "events":
      return "EventsTimetable";
    case "custom":
      return schedule.description;
    case "assets_or_time":
      return "AssetOrTimeSchedule";
    case "assets":
      return "AssetTriggeredTimetable";
    case "cron":
      if (schedule.mode === "interval") return "CronDataIntervalTimetable";
      return schedule.expressions.length > 1
        ? "MultipleCronTriggerTimetable"
        : "CronTriggerTimetable";
  }
}
