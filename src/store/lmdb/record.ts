import type { LeaseId, Revision } from "#store/store.ts";

/**
 * One revision on disk. Key: the revision, 8 bytes big-endian. Value:
 *
 *   byte 0        1 = put, 2 = delete
 *   bytes 1-8     createRevision, big-endian (0 for a delete)
 *   bytes 9-16    revision of the version it replaces, 0 for none
 *   bytes 17-18   length of the key        then the key, ASCII
 *   next byte     length of the lease id   then the lease id, ASCII
 *   the rest      the value
 */
export interface RecordHead {
  readonly kind: "put" | "delete";
  readonly createRevision: Revision;
  readonly previousRevision: Revision;
  readonly key: string;
  readonly lease: LeaseId | undefined;
}

const fixedBytes = 20;

export function revisionKey(revision: Revision): Buffer {
  const key = Buffer.allocUnsafe(8);
  key.writeBigUInt64BE(BigInt(revision));
  return key;
}

export function encodeRecord(head: RecordHead, value: Uint8Array | undefined): Buffer {
  const lease = head.lease ?? "";
  const valueAt = fixedBytes + head.key.length + lease.length;
  const record = Buffer.allocUnsafeSlow(valueAt + (value?.length ?? 0));
  record[0] = head.kind === "put" ? 1 : 2;
  record.writeBigUInt64BE(BigInt(head.createRevision), 1);
  record.writeBigUInt64BE(BigInt(head.previousRevision), 9);
  record.writeUInt16BE(head.key.length, 17);
  record.write(head.key, 19, "latin1");
  record[19 + head.key.length] = lease.length;
  record.write(lease, fixedBytes + head.key.length, "latin1");
  if (value !== undefined) record.set(value, valueAt);
  return record;
}

export function decodeHead(record: Buffer): RecordHead {
  const keyLength = record.readUInt16BE(17);
  const leaseAt = fixedBytes + keyLength;
  const leaseLength = record[leaseAt - 1] ?? 0;
  return {
    kind: record[0] === 1 ? "put" : "delete",
    createRevision: Number(record.readBigUInt64BE(1)),
    previousRevision: Number(record.readBigUInt64BE(9)),
    key: record.toString("latin1", 19, 19 + keyLength),
    lease:
      leaseLength === 0 ? undefined : record.toString("latin1", leaseAt, leaseAt + leaseLength),
  };
}

/** The value's bytes, a view on `record`. */
export function valueOf(record: Buffer): Buffer {
  const leaseAt = fixedBytes + record.readUInt16BE(17);
  return record.subarray(leaseAt + (record[leaseAt - 1] ?? 0));
}
