import type { Json } from "#api/object.ts";
import type { Connection } from "#dag/connection/connection.ts";
import {
  optionalText,
  requiredText,
  textsOf,
  type Operator,
  type OperatorCall,
} from "./operator.ts";

/** For one mail, from the connection to the server's last word. */
const timeoutMs = 30_000;
const defaultConnection = "smtp_default";

/** Sends a mail over the SMTP server of a connection. */
export const emailOperator: Operator = {
  templated: ["to", "cc", "bcc", "subject", "content", "from", "files"],
  templateEndings: [".html"],
  async execute(call) {
    const id = optionalText(call, "connection") ?? defaultConnection;
    const connection = await call.context.connections.get(id);
    const settings = mailSettings(connection);
    const from = optionalText(call, "from") ?? settings.from ?? connection.login;
    if (from === undefined) throw new Error(`argument 'from', or from_email of connection ${id}`);
    const to = addresses(call, "to");
    if (to.length === 0) throw new Error("argument 'to' names nobody");
    const { createTransport } = await import("nodemailer");
    const transport = createTransport(settings.server);
    const sent = await transport.sendMail({
      from,
      to,
      cc: addresses(call, "cc"),
      bcc: addresses(call, "bcc"),
      subject: requiredText(call, "subject"),
      html: requiredText(call, "content"),
      attachments: addresses(call, "files").map((path) => ({ path })),
    });
    transport.close();
    call.log.line("INFO", `sent to ${to.join(", ")}: ${sent.response}`);
    return { value: sent.messageId };
  },
};

/** Texts in a list, or in one text with commas between them. */
function addresses(call: OperatorCall, name: string): string[] {
  const parts = textsOf(call, name).flatMap((it) => it.split(/[,;]/));
  return parts.map((it) => it.trim()).filter((it) => it !== "");
}

/**
 * As Airflow's SMTP hook: TLS from the start on port 465, unless `disable_ssl`; then TLS after
 * STARTTLS on port 25, unless `disable_tls`.
 */
export function mailSettings({ host, port, login, password, extra }: Connection): {
  readonly server: object;
  readonly from: string | undefined;
} {
  const more = JSON.parse(extra ?? "{}") as Record<string, Json>;
  const isOn = (name: string): boolean => more[name] === true || more[name] === "true";
  const secure = !isOn("disable_ssl");
  const { from_email: from } = more;
  return {
    from: typeof from === "string" ? from : undefined,
    server: {
      host: host ?? "localhost",
      port: port ?? (secure ? 465 : 25),
      secure,
      requireTLS: !secure && !isOn("disable_tls"),
      ignoreTLS: !secure && isOn("disable_tls"),
      connectionTimeout: timeoutMs,
      greetingTimeout: timeoutMs,
      socketTimeout: timeoutMs,
      ...(login === undefined ? {} : { auth: { user: login, pass: password ?? "" } }),
    },
  };
}
