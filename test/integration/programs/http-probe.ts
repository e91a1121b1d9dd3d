// Makes requests one after the other, each on a connection of its own, and prints what came of them
// as JSON. Run inside of a network namespace; its argument is a ProbeOptions as JSON.
import http from "node:http";
import https from "node:https";

export interface ProbeOptions {
  readonly url: string;
  readonly count: number;
  readonly timeoutMs: number;
  readonly token?: string | undefined;
  readonly ca?: string | undefined;
}

export interface ProbeResult {
  readonly ms: number;
  /** 0 when there was no answer. */
  readonly status: number;
  /** The body, or the code of the error. */
  readonly text: string;
}

function ask(options: ProbeOptions): Promise<ProbeResult> {
  const { url, token, ca, timeoutMs } = options;
  const since = performance.now();
  const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
  const tls = ca === undefined ? {} : { ca };
  return new Promise((resolve) => {
    function end(status: number, text: string): void {
      resolve({ ms: performance.now() - since, status, text: text.trim() });
    }
    const module = url.startsWith("https:") ? https : http;
    const signal = AbortSignal.timeout(timeoutMs);
    const how = { agent: false, headers, signal, ...tls };
    const request = module.get(url, how, (response) => {
      let text = "";
      response.setEncoding("utf8");
      response.on("data", (chunk: string) => (text += chunk));
      response.on("end", () => {
        end(response.statusCode ?? 0, text);
      });
    });
    request.on("error", (error: NodeJS.ErrnoException) => {
      end(0, signal.aborted ? "TIMEOUT" : (error.code ?? error.message));
    });
  });
}

const options = JSON.parse(process.argv[2] ?? "{}") as ProbeOptions;
const results: ProbeResult[] = [];
for (let i = 0; i < options.count; i++) results.push(await ask(options));
process.stdout.write(JSON.stringify(results));
