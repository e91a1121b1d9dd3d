import { writeFileAtomically } from "#pki/files.ts";
import type { Authority } from "#pki/authority.ts";

/**
 * Writes the administrator's kubeconfig, readable for its owner alone. JSON, which is YAML too.
 * The certificate is renewed when it is due.
 */
export async function writeAdminKubeconfig(
  path: string,
  server: string,
  authority: Authority,
): Promise<void> {
  const subject = { commonName: "kubernetes-admin", organizations: ["system:masters"] };
  const { certificate, key } = await authority.client("admin", subject);
  const name = "gantry";
  const config = {
    apiVersion: "v1",
    kind: "Config",
    clusters: [
      {
        name,
        cluster: { server, "certificate-authority-data": base64(authority.certificate) },
      },
    ],
    users: [
      {
        name,
        user: { "client-certificate-data": base64(certificate), "client-key-data": base64(key) },
      },
    ],
    contexts: [{ name, context: { cluster: name, user: name } }],
    "current-context": name,
  };
  await writeFileAtomically(path, `${JSON.stringify(config, undefined, 2)}\n`, 0o600);
}

function base64(text: string): string {
  return Buffer.from(text).toString("base64");
}
