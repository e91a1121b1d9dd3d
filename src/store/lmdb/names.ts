/**
 * Keys beside the log in the same database. Revisions are 8 bytes and start with a zero byte (they
 * stay below 2^53), so these, which start with letters, sort after all of them.
 */
export const compactedKey = Buffer.from("compacted");
export const leasePrefix = "lease/";
