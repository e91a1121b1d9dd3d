/** Numbers of the DNS protocol. RFC 1035 sections 3.2 and 4.1, RFC 2782, RFC 3596, RFC 6891. */
export const recordType = {
  A: 1,
  CNAME: 5,
  SOA: 6,
  PTR: 12,
  TXT: 16,
  AAAA: 28,
  SRV: 33,
  OPT: 41,
  ANY: 255,
} as const;

export const classInternet = 1;

export const responseCode = {
  noError: 0,
  formatError: 1,
  serverFailure: 2,
  nameError: 3,
  notImplemented: 4,
  refused: 5,
} as const;

/** Bytes of the header of a message. */
export const headerBytes = 12;
/** Of a UDP message whose sender names no other size. */
export const plainUdpBytesMax = 512;
/** What we take and send over UDP at most: it fits every path without fragments. */
export const udpBytesMax = 1232;
/** Of a message over TCP. */
export const messageBytesMax = 65_535;
