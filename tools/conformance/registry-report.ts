/** What one run of the distribution specification's suite counted. */
export interface RegistryResult {
  /** Of the specification: `1.1`, `dev`. */
  readonly version: string;
  readonly tests: number;
  readonly failed: number;
  readonly skipped: number;
  /** Left out, since the version does not have them or they are off unless asked for. */
  readonly disabled: number;
  /** Names of the tests that failed. */
  readonly failures: readonly string[];
}

/** Reads the suite's `junit.xml`. @throws {Error} when it is none. */
export function parseRegistryReport(version: string, xml: string): RegistryResult {
  const head = /<testsuite [^>]*>/.exec(xml)?.[0];
  if (head === undefined) throw new Error("the suite's junit.xml has no test suite");
  const count = (name: string): number =>
    Number(new RegExp(` ${name}="(\\d+)"`).exec(head)?.[1] ?? 0);
  const failures = [...xml.matchAll(/<testcase name="([^"]*)"[^>]* status="(?:failure|error)"/g)];
  return {
    version,
    tests: count("tests"),
    failed: count("failures") + count("errors"),
    skipped: count("skipped"),
    disabled: count("disabled"),
    failures: failures.map((it) => it[1] ?? ""),
  };
}

/** `docs/registry-conformance.md`. @param commit of the specification's repository. */
export function renderRegistryDocument(commit: string, results: readonly RegistryResult[]): string {
  const rows = results.map((it) => {
    const passed = it.tests - it.failed - it.skipped;
    const cells = [it.version, it.tests, passed, it.failed, it.skipped, it.disabled];
    return `| ${cells.join(" | ")} |`;
  });
  const failures = results.flatMap((it) =>
    it.failures.map((name) => `- ${it.version}: ${name.replaceAll("|", "\\|")}`),
  );
  return `# Conformance of the registry

The conformance suite of the distribution specification (opencontainers/distribution-spec,
\`conformance/\`, commit ${commit.slice(0, 12)}), built from its sources and run against
\`gantry registry serve --auth none\` by \`npm run conformance:registry\`, which also writes this page.

| version asked for | tests | passed | failed | skipped | disabled by the suite |
| --- | --- | --- | --- | --- | --- |
${rows.join("\n")}
${failures.length === 0 ? "" : `\n## What fails\n\n${failures.join("\n")}\n`}
Sparse images (manifests whose layers were never pushed), which the suite leaves out unless asked, are
refused by the registry.
`;
}
