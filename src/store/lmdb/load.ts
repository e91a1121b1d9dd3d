import type { RootDatabase } from "lmdb";
import { LeaseTable } from "#store/leases.ts";
import type { Revision } from "#store/store.ts";
import { compactedKey, leasePrefix } from "./names.ts";
import { decodeHead, revisionKey } from "./record.ts";
import { VersionIndex } from "./version-index.ts";

export interface LoadedLog {
  readonly index: VersionIndex;
  readonly leases: LeaseTable;
  readonly revision: Revision;
  readonly compacted: Revision;
}

/** Revision of an empty store, as etcd counts. */
const emptyRevision = 1;

/**
 * Reads the log from its beginning. Leases start anew with their whole time, as etcd's do after a
 * change of leader: a client that lives renews, and nothing ends early.
 */
export function loadLog(database: RootDatabase<Buffer, Buffer>, nowMs: number): LoadedLog {
  const leases = new LeaseTable();
  const leaseKeys = database.getRange({
    start: Buffer.from(leasePrefix),
    end: Buffer.from("lease0"),
  });
  for (const { key, value } of leaseKeys) {
    const id = Buffer.from(key).toString("latin1").slice(leasePrefix.length);
    leases.grant(id, Number(Buffer.from(value).toString("latin1")), nowMs);
  }
  const mark = database.getBinary(compactedKey);
  const compacted = mark === undefined ? 0 : Number(mark.readBigUInt64BE());
  const index = new VersionIndex();
  let revision = Math.max(emptyRevision, compacted);
  for (const { key, value } of database.getRange({ start: revisionKey(0), end: compactedKey })) {
    const at = Number(Buffer.from(key).readBigUInt64BE());
    const head = decodeHead(value);
    index.add(head.key, { revision: at, createRevision: head.createRevision });
    leases.attach(head.key, head.lease);
    revision = Math.max(revision, at);
  }
  // What a crash left between the mark of a compaction and its deletions.
  for (const gone of index.compact(compacted)) database.removeSync(revisionKey(gone));
  return { index, leases, revision, compacted };
}
