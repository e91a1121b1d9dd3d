import { loadProject, type Loaded, type LoadOptions } from "#compose/project/load.ts";

/** Texts by absolute path. */
export type ComposeFiles = Readonly<Record<string, string>>;

/** Loads a project of files that are not on the disk, in `/shop`, with the warnings that it gives. */
export async function loadFiles(
  files: ComposeFiles,
  options: Partial<LoadOptions> = {},
  environment: Readonly<Record<string, string>> = {},
): Promise<Loaded & { readonly warnings: readonly string[] }> {
  const warnings: string[] = [];
  const loaded = await loadProject(
    { files: [], ...options },
    {
      read: (path) => Promise.resolve(files[path]),
      environment,
      workingDirectory: "/shop",
      home: "/home/me",
      warn: (it) => {
        warnings.push(it);
      },
    },
  );
  return { ...loaded, warnings };
}
