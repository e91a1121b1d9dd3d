/** Who a certificate speaks for: the common name is the user, the organizations are the groups. */
export interface CertificateSubject {
  readonly commonName: string;
  readonly organizations: readonly string[];
}

/**
 * The parts of a distinguished name as node:tls gives them in `getPeerCertificate().subject`: an
 * attribute that occurs once is a string, one that occurs more often a list.
 */
export type PeerSubject = Readonly<Record<string, string | readonly string[] | undefined>>;

/**
 * Reads the subject of a peer's certificate. Undefined without a common name: such a certificate
 * names nobody. Of several common names the last one counts, as in Go's `pkix.Name`.
 */
export function certificateSubject(peer: PeerSubject | undefined): CertificateSubject | undefined {
  const commonName = valuesOf(peer, "CN").at(-1);
  if (commonName === undefined || commonName === "") return undefined;
  return { commonName, organizations: valuesOf(peer, "O") };
}

function valuesOf(peer: PeerSubject | undefined, attribute: string): readonly string[] {
  const value = peer?.[attribute];
  if (value === undefined) return [];
  return typeof value === "string" ? [value] : value;
}
