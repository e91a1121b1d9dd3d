import type { Random } from "#base/random.ts";

/**
 * Checks of names, label keys and similar short strings. Each returns upstream's messages, none
 * when the value is good. Upstream: apimachinery `pkg/util/validation`, `pkg/api/validate/content`.
 */
type Faults = readonly string[];

const none: Faults = Object.freeze([]);

const labelPattern = "[a-z0-9]([-a-z0-9]*[a-z0-9])?";
const subdomainPattern = `${labelPattern}(\\.${labelPattern})*`;
const dns1035Pattern = "[a-z]([-a-z0-9]*[a-z0-9])?";
const qualifiedPattern = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]";
const labelValuePattern = `(${qualifiedPattern})?`;
const wildcardPattern = `\\*\\.${subdomainPattern}`;
const envVarPattern = "[-._a-zA-Z][-._a-zA-Z0-9]*";
const configKeyPattern = "[-._a-zA-Z0-9]+";
const identifierPattern = "[A-Za-z_][A-Za-z0-9_]*";
const percentPattern = "[0-9]+%";
const headerPattern = "[-A-Za-z0-9]+";

const label = whole(labelPattern);
const subdomain = whole(subdomainPattern);
const dns1035 = whole(dns1035Pattern);
const qualified = whole(qualifiedPattern);
const labelValue = whole(labelValuePattern);
const wildcard = whole(wildcardPattern);
const envVar = whole(envVarPattern);
const configKey = whole(configKeyPattern);
const identifier = whole(identifierPattern);
const percent = whole(percentPattern);
const header = whole(headerPattern);

const labelMessage =
  "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character";
const subdomainMessage =
  "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character";
const qualifiedMessage =
  "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character";

/** A DNS label of RFC 1123, at most 63 characters. */
export function dns1123LabelFaults(value: string): Faults {
  if (value.length <= 63 && label.test(value)) return none;
  const faults = tooLong(value, 63);
  if (label.test(value)) return faults;
  if (subdomain.test(value)) return [...faults, "must not contain dots"];
  return [...faults, patternMessage(labelMessage, labelPattern, ["my-name", "123-abc"])];
}

/** A DNS subdomain of RFC 1123, at most 253 characters: the rule for most object names. */
export function dns1123SubdomainFaults(value: string): Faults {
  if (value.length <= 253 && subdomain.test(value)) return none;
  const faults = tooLong(value, 253);
  if (subdomain.test(value)) return faults;
  return [...faults, patternMessage(subdomainMessage, subdomainPattern, ["example.com"])];
}

/** A DNS label of RFC 1035: as RFC 1123, but it starts with a letter. The rule for services. */
export function dns1035LabelFaults(value: string): Faults {
  const faults = tooLong(value, 63);
  if (dns1035.test(value)) return faults;
  const message =
    "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character";
  return [...faults, patternMessage(message, dns1035Pattern, ["my-name", "abc-123"])];
}

/** `*.example.com`. */
export function wildcardSubdomainFaults(value: string): Faults {
  const faults = tooLong(value, 253);
  if (wildcard.test(value)) return faults;
  const message =
    "a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS subdomain, which must consist of lower case alphanumeric characters, '-' or '.' and end with an alphanumeric character";
  return [...faults, patternMessage(message, wildcardPattern, ["*.example.com"])];
}

/** A label or annotation key: a name of at most 63 bytes after an optional `prefix/`. */
export function qualifiedNameFaults(value: string): Faults {
  const slash = value.indexOf("/");
  if (value.includes("/", slash + 1) && slash >= 0) {
    return [
      `a valid label key ${qualifiedNamePattern()} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')`,
    ];
  }
  const name = value.slice(slash + 1);
  const faults = slash < 0 ? [] : prefixFaults(value.slice(0, slash));
  if (name === "") faults.push("name part must be non-empty");
  if (name.length > 63) faults.push("name part must be no more than 63 bytes");
  if (!qualified.test(name)) faults.push(`name part ${qualifiedNamePattern()}`);
  return faults.length === 0 ? none : faults;
}

/** A label's value: empty, or at most 63 bytes. */
export function labelValueFaults(value: string): Faults {
  if (value.length <= 63 && labelValue.test(value)) return none;
  const faults = value.length > 63 ? ["must be no more than 63 bytes"] : [];
  if (labelValue.test(value)) return faults;
  const message =
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character";
  faults.push(patternMessage(message, labelValuePattern, ["MyValue", "my_value", "12345"]));
  return faults;
}

/** A name that can stand in a URL path: not `.` or `..`, without `/` and `%`. */
export function pathSegmentFaults(value: string): Faults {
  if (value === "." || value === "..") return [`may not be '${value}'`];
  return ["/", "%"].filter((it) => value.includes(it)).map((it) => `may not contain '${it}'`);
}

/** A key of a ConfigMap or Secret. */
export function configMapKeyFaults(value: string): Faults {
  const faults = tooLong(value, 253);
  if (!configKey.test(value)) {
    const message = "a valid config key must consist of alphanumeric characters, '-', '_' or '.'";
    const examples = ["key.name", "KEY_NAME", "key-name"];
    faults.push(patternMessage(message, configKeyPattern, examples));
  }
  return [...faults, ...parentFolderFaults(value)];
}

/** The name of an environment variable, by the strict rule (`envFrom` prefixes, old versions). */
export function envVarNameFaults(value: string): Faults {
  const faults: string[] = [];
  if (!envVar.test(value)) {
    const message =
      "a valid environment variable name must consist of alphabetic characters, digits, '_', '-', or '.', and must not start with a digit";
    const examples = ["my.env-name", "MY_ENV.NAME", "MyEnvName1"];
    faults.push(patternMessage(message, envVarPattern, examples));
  }
  return [...faults, ...parentFolderFaults(value)];
}

/** The name of an environment variable, by the rule since 1.34: printable ASCII without `=`. */
export function relaxedEnvVarNameFaults(value: string): Faults {
  if (value === "") return ["environment variable name must be non-empty"];
  if (/^[\x20-\x3c\x3e-\x7e]+$/.test(value)) return none;
  return [
    "a valid environment variable name must consist only of printable ASCII characters other than '='",
  ];
}

/** The name of a port, as RFC 6335 in lower case: at most 15 characters, one of them a letter. */
export function portNameFaults(value: string): Faults {
  const faults = tooLong(value, 15);
  if (!/^[-a-z0-9]+$/.test(value)) {
    faults.push("must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)");
  }
  if (!/[a-z]/.test(value)) faults.push("must contain at least one letter (a-z)");
  if (value.includes("--")) faults.push("must not contain consecutive hyphens");
  if (value.startsWith("-") || value.endsWith("-")) {
    faults.push("must not begin or end with a hyphen");
  }
  return faults;
}

export function portNumberFaults(value: number): Faults {
  return value >= 1 && value <= 65_535 ? none : ["must be between 1 and 65535, inclusive"];
}

/** An identifier of C. */
export function identifierFaults(value: string): Faults {
  if (identifier.test(value)) return none;
  const message =
    "a valid C identifier must start with alphabetic character or '_', followed by a string of alphanumeric characters or '_'";
  return [patternMessage(message, identifierPattern, ["my_name", "MY_NAME", "MyName"])];
}

/** `25%`. */
export function percentFaults(value: string): Faults {
  if (percent.test(value)) return none;
  const message = "a valid percent string must be a numeric string followed by an ending '%'";
  return [patternMessage(message, percentPattern, ["1%", "93%"])];
}

/** The name of an HTTP header. */
export function headerNameFaults(value: string): Faults {
  if (header.test(value)) return none;
  const message = "a valid HTTP header must consist of alphanumeric characters or '-'";
  return [patternMessage(message, headerPattern, ["X-Header-Name"])];
}

/**
 * Checks a `metadata.generateName` by the rule for names: a trailing dash is fine, since a suffix
 * follows. Upstream: `maskTrailingDash`, which replaces the last two characters.
 */
export function prefixFaultsBy(rule: (value: string) => Faults, prefix: string): Faults {
  const masked = prefix.length > 1 && prefix.endsWith("-") ? `${prefix.slice(0, -2)}a` : prefix;
  return rule(masked);
}

const suffixAlphabet = "bcdfghjklmnpqrstvwxz2456789";
const suffixLength = 5;
const nameLengthMax = 63;

/** `base` plus five random characters without vowels; cuts the base so that 63 are not passed. */
export function generateName(base: string, random: Random): string {
  return base.slice(0, nameLengthMax - suffixLength) + randomSuffix(suffixLength, random);
}

/** Random characters from the alphabet of generated names. */
export function randomSuffix(length: number, random: Random): string {
  let suffix = "";
  for (let i = 0; i < length; i++) {
    suffix += suffixAlphabet.charAt(Math.floor(random.next() * suffixAlphabet.length));
  }
  return suffix;
}

function whole(pattern: string): RegExp {
  return new RegExp(`^(?:${pattern})$`);
}

function tooLong(value: string, max: number): string[] {
  return value.length > max ? [`must be no more than ${max} characters`] : [];
}

function prefixFaults(prefix: string): string[] {
  if (prefix === "") return ["prefix part must be non-empty"];
  return dns1123SubdomainFaults(prefix).map((it) => `prefix part ${it}`);
}

function qualifiedNamePattern(): string {
  return patternMessage(qualifiedMessage, qualifiedPattern, ["MyName", "my.name", "123-abc"]);
}

function patternMessage(message: string, pattern: string, examples: readonly string[]): string {
  const shown = examples.map((it) => `'${it}', `).join(" or ");
  return `${message} (e.g. ${shown}regex used for validation is '${pattern}')`;
}

function parentFolderFaults(value: string): Faults {
  if (value === "." || value === "..") return [`must not be '${value}'`];
  return value.startsWith("..") ? ["must not start with '..'"] : none;
}

const objectNameMax = 63;

/** A name that any object may have, of what people call things: `My_App` becomes `my-app`. */
export function objectName(name: string): string {
  const cleaned = name.toLowerCase().replaceAll(/[^a-z0-9-]/g, "-");
  return cleaned.slice(0, objectNameMax).replace(/^-+/, "").replace(/-+$/, "");
}
