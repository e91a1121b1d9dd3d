import type { Logger } from "#base/log.ts";
import type { ImageStore } from "#images/store/image-store.ts";
import type { Gate } from "./access.ts";
import type { Mirror } from "./mirror/mirror.ts";
import type { UploadSessions } from "./upload-sessions.ts";

/** What answering a request takes. */
export interface RegistryContext {
  readonly store: ImageStore;
  readonly sessions: UploadSessions;
  readonly gate: Gate;
  /** Where images come from that are not here; undefined: from nowhere. */
  readonly mirror: Mirror | undefined;
  /** Whether a registry's name with a port, as clients call it, means this one. */
  readonly isOwnName: (host: string) => boolean;
  readonly log: Logger;
}
