import assert from "node:assert/strict";
import { test } from "node:test";
import type {
  EndpointSlice,
  Ingress,
  IngressClass,
  IngressSpec,
  Service,
  ServicePort,
} from "#api/gen/types.ts";
import type { CertificateState, IngressPlan, Target } from "./model.ts";
import { isServed, planIngress } from "./plan.ts";

const classes: IngressClass[] = [
  { metadata: { name: "gantry" }, spec: { controller: "gantry.dev/ingress" } },
  { metadata: { name: "ours-too" }, spec: { controller: "gantry.dev/ingress" } },
  { metadata: { name: "other" }, spec: { controller: "example.com/other" } },
];

/** `n ingress`, younger with each call of one test: `at` seconds after midnight. */
function ingress(
  name: string,
  spec: IngressSpec,
  more: { readonly at?: number; readonly annotations?: Record<string, string> } = {},
): Ingress {
  const { at = 0, annotations = {} } = more;
  const creationTimestamp = `2026-01-01T00:00:0${at}Z`;
  return {
    metadata: { namespace: "d", name, uid: name, creationTimestamp, annotations },
    spec: { ingressClassName: "gantry", ...spec },
  };
}

/** `host/path type service:port`, with the port's name or number; `-` for no host. */
function rules(...texts: readonly string[]): NonNullable<IngressSpec["rules"]> {
  return texts.map((text) => {
    const [where = "", pathType = "", to = ""] = text.split(" ");
    const slash = where.indexOf("/");
    const [host, path] = [where.slice(0, slash), where.slice(slash)];
    return {
      ...(host === "-" ? {} : { host }),
      http: { paths: [{ path, pathType, backend: backend(to) }] },
    };
  });
}

function backend(text: string): { service: { name: string; port: object } } {
  const [name = "", port = ""] = text.split(":");
  const isNumber = /^\d+$/.test(port);
  return { service: { name, port: isNumber ? { number: Number(port) } : { name: port } } };
}

const ports: ServicePort[] = [
  { name: "http", port: 80, targetPort: "web" },
  { name: "grpc", port: 90, appProtocol: "kubernetes.io/h2c" },
  { name: "dns", port: 53, protocol: "UDP" },
];
const services: Record<string, Service> = {
  "d/web": { metadata: { namespace: "d", name: "web" }, spec: { ports } },
  "d/api": {
    metadata: { namespace: "d", name: "api" },
    spec: { ports: [{ port: 8080 }], sessionAffinity: "ClientIP" },
  },
  "d/away": { metadata: { namespace: "d", name: "away" }, spec: { type: "ExternalName" } },
};
const slices: Record<string, EndpointSlice[]> = {
  "d/web": [
    {
      addressType: "IPv4",
      ports: [
        { name: "http", port: 8000, protocol: "TCP" },
        { name: "grpc", port: 9000, protocol: "TCP" },
      ],
      endpoints: [
        { addresses: ["10.0.0.2"], conditions: { ready: true } },
        { addresses: ["10.0.0.1"], conditions: {} },
        { addresses: ["10.0.0.3"], conditions: { ready: false, serving: true, terminating: true } },
      ],
    },
    { addressType: "IPv6", ports: [{ name: "http", port: 8000 }], endpoints: [] },
  ],
  "d/api": [
    {
      addressType: "IPv4",
      ports: [{ port: 1 }],
      endpoints: [
        { addresses: ["10.0.0.7"], conditions: { ready: false, serving: true, terminating: true } },
        { addresses: ["10.0.0.8"], conditions: { ready: false, serving: false } },
      ],
    },
  ],
};
const certificates: Record<string, CertificateState> = {
  "d/good": { kind: "valid", pem: "GOOD" },
  "d/other": { kind: "valid", pem: "OTHER" },
  "d/bad": { kind: "invalid", fault: "tls.key is not the key of tls.crt" },
};

function plan(...ingresses: readonly Ingress[]): IngressPlan {
  return planIngress({
    ingresses,
    classes,
    service: (key) => services[key],
    slices: (key) => slices[key] ?? [],
    certificate: (key) => certificates[key] ?? { kind: "missing" },
  });
}

function text(table: ReadonlyMap<string, Target>, kind: string): string[] {
  return [...table].map(([key, it]) => {
    return `${kind} ${key} ${it.backend}${it.redirect ? " redirect" : ""}`;
  });
}

/** Everything of a plan in lines. */
function lines(given: IngressPlan): string[] {
  const { routes, problems } = given;
  return [
    ...text(routes.exact, "exact"),
    ...text(routes.prefix, "prefix"),
    ...text(routes.fallback, "fallback"),
    ...(routes.last === undefined ? [] : [`last ${routes.last.backend}`]),
    ...given.certificates.map((it) => `${it.pem} ${it.hosts.join(",")}`),
    ...(given.defaultCertificate === undefined ? [] : [`default ${given.defaultCertificate}`]),
    ...problems.map((it) => `${it.ingress.metadata?.name ?? ""}: ${it.reason}: ${it.message}`),
  ];
}

const cases: [what: string, given: Ingress[], want: string[]][] = [
  [
    "paths by their types",
    [
      ingress("i", {
        rules: rules(
          "a.test/x Exact web:http",
          "a.test/p/ Prefix web:80",
          "a.test/s ImplementationSpecific web:http",
          "*.b.test/ Prefix api:8080",
          "-/any Prefix web:http",
        ),
      }),
    ],
    [
      "exact a.test/x d:web:80",
      "prefix a.test/p/ d:web:80",
      "prefix a.test/s/ d:web:80",
      "prefix *.b.test/ d:api:8080",
      "prefix /any/ d:web:80",
    ],
  ],
  [
    "an ImplementationSpecific rule may have no path",
    [
      ingress("i", {
        rules: [
          {
            host: "a.test",
            http: { paths: [{ pathType: "ImplementationSpecific", backend: backend("web:80") }] },
          },
        ],
      }),
    ],
    ["prefix a.test/ d:web:80"],
  ],
  [
    "of two that want the same, the older has it",
    [
      ingress("young", { rules: rules("a.test/ Prefix api:8080") }, { at: 2 }),
      ingress("old", { rules: rules("a.test/ Prefix web:80", "a.test/ Exact web:80") }, { at: 1 }),
    ],
    [
      "exact a.test/ d:web:80",
      "prefix a.test/ d:web:80",
      "young: RuleTaken: prefix a.test/ is served for d/old, which is older",
    ],
  ],
  [
    "default backends: of the hosts, and of all",
    [
      ingress("i", { rules: rules("a.test/x Exact web:80"), defaultBackend: backend("api:8080") }),
      ingress("bare", { defaultBackend: backend("web:80") }, { at: 1 }),
      ingress("late", { defaultBackend: backend("api:8080") }, { at: 2 }),
    ],
    [
      "exact a.test/x d:web:80",
      "fallback a.test d:api:8080",
      "last d:web:80",
      "late: RuleTaken: the default backend is that of d/bare, which is older",
    ],
  ],
  [
    "a rule without paths is for its whole host",
    [ingress("i", { rules: [{ host: "a.test" }], defaultBackend: backend("web:80") })],
    ["prefix a.test/ d:web:80", "last d:web:80"],
  ],
  [
    "references that lead nowhere",
    [
      ingress("i", {
        rules: rules(
          "a.test/1 Exact none:80",
          "a.test/2 Exact web:81",
          "a.test/3 Exact web:dns",
          "a.test/4 Exact away:80",
          "a.test/5 Exact none:80",
        ),
      }),
    ],
    [
      ...[1, 2, 3, 4, 5].map((it) => `exact a.test/${it} unavailable`),
      "i: ServiceNotFound: service d/none does not exist",
      "i: PortNotFound: service d/web has no TCP port 81",
      "i: PortNotFound: service d/web has no TCP port dns",
      "i: UnsupportedBackend: service d/away is of the type ExternalName",
    ],
  ],
  [
    "a path that would end a line of what the proxy reads",
    [
      ingress("i", {
        rules: [
          {
            host: "a.test",
            http: { paths: [{ path: "/a b", pathType: "Exact", backend: backend("web:80") }] },
          },
          {
            host: "a.test",
            http: { paths: [{ path: "/a\nb", pathType: "Exact", backend: backend("web:80") }] },
          },
        ],
      }),
    ],
    [
      'i: InvalidPath: path "/a b" has white space',
      'i: InvalidPath: path "/a\\nb" has white space',
    ],
  ],
  [
    "TLS: hosts that have a certificate are redirected to it",
    [
      ingress("i", {
        rules: rules("a.test/ Prefix web:80", "x.b.test/ Prefix web:80", "c.test/ Prefix web:80"),
        tls: [{ hosts: ["a.test", "*.b.test"], secretName: "good" }],
      }),
    ],
    [
      "prefix a.test/ d:web:80 redirect",
      "prefix x.b.test/ d:web:80 redirect",
      "prefix c.test/ d:web:80",
      "GOOD a.test,*.b.test",
    ],
  ],
  [
    "TLS without hosts: those of the rules; without rules, the default certificate",
    [
      ingress("i", { rules: rules("a.test/ Prefix web:80"), tls: [{ secretName: "good" }] }),
      ingress("j", { defaultBackend: backend("web:80"), tls: [{ secretName: "other" }] }),
    ],
    ["prefix a.test/ d:web:80 redirect", "last d:web:80", "GOOD a.test", "default OTHER"],
  ],
  [
    "TLS: no redirect where the annotation says so, or no certificate is to be had",
    [
      ingress(
        "i",
        { rules: rules("a.test/ Prefix web:80"), tls: [{ secretName: "good" }] },
        { annotations: { "ingress.gantry.dev/ssl-redirect": "false" } },
      ),
      ingress("j", { rules: rules("b.test/ Prefix web:80"), tls: [{ secretName: "none" }] }),
      ingress("k", { rules: rules("c.test/ Prefix web:80"), tls: [{ secretName: "bad" }] }),
    ],
    [
      "prefix a.test/ d:web:80",
      "prefix b.test/ d:web:80",
      "prefix c.test/ d:web:80",
      "GOOD a.test",
      "j: SecretNotFound: secret d/none does not exist",
      "k: InvalidCertificate: secret d/bad: tls.key is not the key of tls.crt",
    ],
  ],
  [
    "TLS: of two certificates for a host, the older Ingress's is served",
    [
      ingress("i", { tls: [{ hosts: ["a.test"], secretName: "good" }] }),
      ingress("j", { tls: [{ hosts: ["a.test"], secretName: "good" }] }, { at: 1 }),
      ingress("k", { tls: [{ hosts: ["a.test", "b.test"], secretName: "other" }] }, { at: 2 }),
    ],
    [
      "GOOD a.test",
      "OTHER b.test",
      "k: RuleTaken: TLS host a.test has its certificate from d/i, which is older",
    ],
  ],
  [
    "an annotation that is not understood",
    [
      ingress(
        "i",
        { rules: rules("a.test/ Prefix web:80") },
        { annotations: { "ingress.gantry.dev/read-timeout": "soon" } },
      ),
    ],
    [
      "prefix a.test/ d:web:80",
      'i: InvalidAnnotation: annotation ingress.gantry.dev/read-timeout: "soon" is not a duration from 1ms to 24h such as 90s',
    ],
  ],
];

for (const [what, given, want] of cases) {
  test(`planIngress: ${what}`, () => {
    assert.deepEqual(lines(plan(...given)), want);
  });
}

test("planIngress: the backends, with what their Ingress and Service ask for", () => {
  const annotations = {
    "ingress.gantry.dev/read-timeout": "2m",
    "ingress.gantry.dev/body-size-max": "1Mi",
  };
  const given = plan(
    ingress("i", { rules: rules("a.test/ Prefix web:80", "a.test/g Prefix web:grpc") }),
    ingress("j", { rules: rules("b.test/ Prefix api:8080") }, { annotations }),
  );
  const usual = { sticky: false, readMs: undefined, tunnelMs: undefined, bodyBytesMax: undefined };
  assert.deepEqual(Object.fromEntries(given.backends), {
    "d:web:80": { ...usual, protocol: "http", endpoints: ["10.0.0.1:8000", "10.0.0.2:8000"] },
    "d:web:90": { ...usual, protocol: "h2c", endpoints: ["10.0.0.1:9000", "10.0.0.2:9000"] },
    // The endpoint that is ready is none, so the one that ends still answers.
    "d:api:8080:j": {
      protocol: "http",
      sticky: true,
      readMs: 120_000,
      tunnelMs: undefined,
      bodyBytesMax: 1_048_576,
      endpoints: ["10.0.0.7:1"],
    },
  });
});

const classCases: [what: string, given: Ingress, want: boolean][] = [
  ["our class", ingress("i", {}), true],
  ["another class of our controller", ingress("i", { ingressClassName: "ours-too" }), true],
  ["a class of another controller", ingress("i", { ingressClassName: "other" }), false],
  ["a class that does not exist", ingress("i", { ingressClassName: "none" }), false],
  ["none", { metadata: { name: "i" }, spec: {} }, false],
  [
    "the annotation of old",
    { metadata: { name: "i", annotations: { "kubernetes.io/ingress.class": "gantry" } } },
    true,
  ],
  [
    "one that is being deleted",
    {
      metadata: { name: "i", deletionTimestamp: "2026-01-01T00:00:00Z" },
      spec: { ingressClassName: "gantry" },
    },
    false,
  ],
];

for (const [what, given, want] of classCases) {
  test(`isServed: ${what}`, () => {
    assert.equal(isServed(given, classes), want);
  });
}
