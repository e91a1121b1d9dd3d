import {
  boolean,
  either,
  integer,
  list,
  nothing,
  number,
  object,
  record,
  text,
  type Shape,
} from "./shape.ts";

/** Names of services, volumes, networks, configs and secrets. */
export const namePattern = /^[a-zA-Z0-9._-]+$/;

export const textOrNumber: Shape = either(text, number);
export const texts: Shape = list(text);
export const textsOrText: Shape = either(text, texts);

/** `KEY: value`, or a list of `KEY=value`. */
export const pairs: Shape = either(record(either(text, number, boolean, nothing)), texts);

/** Options of a driver. */
export const options: Shape = record(textOrNumber);

/** A command line, or its words; nothing is that of the image. */
export const commandLine: Shape = either(text, texts, nothing);

export const hosts: Shape = either(record(textsOrText), texts);

export const ulimits: Shape = record(
  either(integer, object({ soft: integer, hard: integer }, "soft", "hard")),
  /^[a-z]+$/,
);
