import type { YamlPlace } from "#api/yaml-places.ts";

/** Where a value is written. Lines and columns from 1. */
export interface Place extends YamlPlace {
  /** Below the folder of DAGs. */
  readonly file: string;
}

/** What is wrong with a configuration file, and where. */
export class ConfigurationError extends Error {
  override readonly name = "ConfigurationError";
  readonly place: Place;

  constructor(place: Place, reason: string) {
    super(`${place.file}:${place.line}:${place.column}: ${reason}`);
    this.place = place;
  }
}
