import type { Session } from "./connection.ts";

/** The same session, whose namespace is another one. */
export function inNamespace(session: Session, namespace: string): Session {
  const { client, connection } = session.cluster;
  const cluster = {
    client,
    connection,
    namespace,
    // The first session closes what both use.
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
  return { ...session, cluster };
}
