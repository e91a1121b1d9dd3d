/**
 * When a DAG runs, in code: `schedule: new WorkingDays()`. It is asked in a process of its own, with 10 s
 * of time, each time a run was made or the file has changed; what it throws is an error of the file.
 */
export interface Timetable {
  /** For lists of DAGs; the class's name when left out. */
  readonly description?: string;
  /** The next run, which may lie in the future; null when there is none. */
  next(at: TimetableMoment): TimetableRun | null;
}

/** What a timetable is told. */
export interface TimetableMoment {
  readonly now: Date;
  /** The interval of the newest run that it asked for; undefined before the first. */
  readonly last: { readonly start: Date; readonly end: Date } | undefined;
  /** The DAG's start and end. */
  readonly earliest: Date | undefined;
  readonly latest: Date | undefined;
  /** Whether runs that were missed are to be made up for. */
  readonly catchup: boolean;
}

/** A run with its data interval. */
export interface TimetableRun {
  readonly start: Date;
  readonly end: Date;
  /** The run starts no earlier; the interval's end when left out. */
  readonly runAfter?: Date;
}
