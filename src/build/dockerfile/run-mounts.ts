import { suggestion } from "#base/suggest.ts";

/** A mount of `RUN --mount`. */
export interface RunMount {
  readonly type: "bind" | "cache" | "tmpfs" | "secret" | "ssh";
  /** A stage or an image; undefined for the context. */
  readonly from: string | undefined;
  readonly source: string;
  readonly target: string;
  readonly readOnly: boolean;
  /** Of a tmpfs; undefined for no bound but the machine's. */
  readonly sizeBytes: number | undefined;
  readonly id: string;
  readonly sharing: "shared" | "private" | "locked";
  readonly required: boolean;
  /** The variable that holds a secret; undefined for a file. */
  readonly env: string | undefined;
  readonly mode: number | undefined;
  readonly uid: number | undefined;
  readonly gid: number | undefined;
}

type Type = RunMount["type"];

const types: readonly Type[] = ["bind", "cache", "tmpfs", "secret", "ssh"];
const sharings: readonly RunMount["sharing"][] = ["shared", "private", "locked"];

/** Other names of fields. */
const aliases: Readonly<Record<string, string>> = {
  src: "source",
  dst: "target",
  destination: "target",
  ro: "readonly",
  rw: "readwrite",
};
const fieldNames: readonly string[] = [
  ..."type from source target readonly readwrite id sharing required size mode uid gid env".split(
    " ",
  ),
  ...Object.keys(aliases),
];
/** Fields that only some types have. */
const fieldTypes: Readonly<Record<string, readonly Type[]>> = {
  required: ["secret", "ssh"],
  size: ["tmpfs"],
  mode: ["secret", "ssh", "cache"],
  uid: ["secret", "ssh", "cache"],
  gid: ["secret", "ssh", "cache"],
};
/** Fields that may stand without a value. */
const switches = new Set(["readonly", "readwrite", "required"]);

interface Field {
  readonly name: string;
  readonly written: string;
  /** Undefined without an equals sign. */
  readonly value: string | undefined;
}

/**
 * What can be told before variables have values: the names of the fields.
 * @throws {Error}
 */
export function checkMountFields(text: string): void {
  for (const { name, written, value } of readFields(text)) {
    if (!fieldNames.includes(name)) {
      throw new Error(
        `unexpected key '${written}' in mount${suggestion(written, fieldNames)}: expected one of ${fieldNames.join(", ")}`,
      );
    }
    if (value === undefined && !switches.has(name)) {
      throw new Error(`invalid field '${written}' must be a key=value pair`);
    }
    if (name === "from" && /\$./.test(value ?? "")) {
      throw new Error("'from' doesn't support variable expansion, define alias stage instead");
    }
  }
}

/**
 * @param expandValue replaces variables in one value.
 * @throws {Error}
 */
export function parseMount(text: string, expandValue: (value: string) => string): RunMount {
  checkMountFields(text);
  const fields = new Map<string, string | undefined>();
  for (const { name, value } of readFields(text)) {
    fields.set(name, value === undefined ? undefined : expandValue(value));
  }
  const type = readType(fields.get("type"));
  for (const name of fields.keys()) {
    if (fieldTypes[name]?.includes(type) === false) {
      throw new Error(`unexpected key '${name}' for mount type '${type}'`);
    }
  }
  const mount: RunMount = {
    type,
    from: fields.get("from") === "" ? undefined : fields.get("from"),
    source: fields.get("source") ?? "",
    target: fields.get("target") ?? "",
    readOnly: readReadOnly(fields, type),
    sizeBytes: readSize(fields.get("size")),
    id: fields.get("id") ?? "",
    sharing: readSharing(fields.get("sharing"), type),
    required: readSwitch(fields, "required") ?? false,
    env: fields.get("env"),
    mode: readNumber(fields.get("mode"), "mode", 8),
    uid: readNumber(fields.get("uid"), "uid", 10),
    gid: readNumber(fields.get("gid"), "gid", 10),
  };
  checkMount(mount);
  return mount;
}

function checkMount(mount: RunMount): void {
  if (mount.type === "secret") {
    if (mount.from !== undefined) throw new Error("secret mount should not have a from");
    if (mount.source === "" && mount.target === "" && mount.id === "") {
      throw new Error("invalid secret mount: expected one of id, source, target");
    }
    if (mount.source !== "" && mount.id !== "") throw new Error("both source and id can't be set");
  } else if (mount.type === "ssh") {
    if (mount.source !== "") throw new Error("ssh does not support source");
  } else if (mount.target === "") {
    throw new Error(`a mount of type ${mount.type} needs a target: expected target=/path`);
  }
}

/** Fields of a line of CSV: quotes hold commas, two quotes in quotes are one. */
function readFields(text: string): Field[] {
  const fields = text.match(/(?:"(?:[^"]|"")*"|[^",]|"[^"]*$)+/g) ?? [];
  return fields.map((raw) => {
    const quoted = /^"([\s\S]*)"$/.exec(raw)?.[1];
    const field = quoted === undefined ? raw : quoted.replaceAll('""', '"');
    const at = field.indexOf("=");
    const written = (at === -1 ? field : field.slice(0, at)).toLowerCase();
    const name = Object.hasOwn(aliases, written) ? (aliases[written] ?? "") : written;
    return { name, written, value: at === -1 ? undefined : field.slice(at + 1) };
  });
}

function readType(text: string | undefined): Type {
  if (text === undefined) return "bind";
  const type = types.find((it) => it === text.toLowerCase());
  if (type !== undefined) return type;
  throw new Error(
    `unsupported mount type "${text}"${suggestion(text, types)}: expected ${types.join(", ")}`,
  );
}

function readSharing(text: string | undefined, type: Type): RunMount["sharing"] {
  if (text === undefined) return "shared";
  const sharing = sharings.find((it) => it === text.toLowerCase());
  if (sharing === undefined) {
    throw new Error(
      `unsupported sharing value "${text}"${suggestion(text, sharings)}: expected ${sharings.join(", ")}`,
    );
  }
  if (type !== "cache") throw new Error(`invalid cache sharing set for ${type} mount`);
  return sharing;
}

/** Whichever of readonly and readwrite stands last; else what the type does. */
function readReadOnly(fields: ReadonlyMap<string, string | undefined>, type: Type): boolean {
  const last = [...fields.keys()].findLast((it) => it === "readonly" || it === "readwrite");
  if (last === undefined) return type !== "cache" && type !== "tmpfs";
  const value = readSwitch(fields, last) ?? true;
  return last === "readonly" ? value : !value;
}

/** Undefined when it is not given. */
function readSwitch(
  fields: ReadonlyMap<string, string | undefined>,
  name: string,
): boolean | undefined {
  if (!fields.has(name)) return undefined;
  const value = fields.get(name) ?? "true";
  if (/^(1|t|T|TRUE|true|True)$/.test(value)) return true;
  if (/^(0|f|F|FALSE|false|False)$/.test(value)) return false;
  throw new Error(`invalid value for ${name}: ${value}: expected true or false`);
}

function readNumber(text: string | undefined, name: string, base: 8 | 10): number | undefined {
  if (text === undefined) return undefined;
  const number = (base === 8 ? /^[0-7]+$/ : /^\d+$/).test(text) ? Number.parseInt(text, base) : NaN;
  if (number < 2 ** 32) return number;
  throw new Error(`invalid value ${text} for ${name}: expected a number in base ${base}`);
}

const sizeUnits = "kmgtp";

/** `1.5g`, `512MiB`: units are powers of 1024. */
function readSize(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const match = /^(\d+(?:\.\d+)?) ?(?:([kmgtp])?i?b?)$/i.exec(text.trim());
  if (match === null) throw new Error(`invalid value for size: ${text}: expected one such as 512m`);
  const power = sizeUnits.indexOf((match[2] ?? " ").toLowerCase()) + 1;
  return Math.floor(Number(match[1]) * 1024 ** power);
}
