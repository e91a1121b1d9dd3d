/** What loading needs of the world. */
export interface LoadPorts {
  /** The text of a file; undefined when there is none. */
  readonly read: (path: string) => Promise<string | undefined>;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly workingDirectory: string;
  readonly home: string;
  readonly warn: (line: string) => void;
}
