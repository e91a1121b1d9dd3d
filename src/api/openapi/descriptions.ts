/** What the API's types and fields mean, for people. */
export interface Descriptions {
  /** Undefined where nothing is known. */
  ofType(type: string): string | undefined;
  ofField(type: string, field: string): string | undefined;
}

/** Loads the descriptions of the built-in types: 600 kB that only OpenAPI needs. */
export async function loadDescriptions(): Promise<Descriptions> {
  const loaded = await import("#api/gen/descriptions.json", { with: { type: "json" } });
  const texts: Readonly<Record<string, Readonly<Record<string, string>>>> = loaded.default;
  return {
    ofType: (type) => texts[type]?.[""] ?? ownWords[type],
    ofField: (type, field) => texts[type]?.[field],
  };
}

/** The scalar types that the models of the API express otherwise. */
const ownWords: Readonly<Record<string, string>> = {
  "io.k8s.apimachinery.pkg.api.resource.Quantity":
    "A number with an optional suffix: 100m, 2, 1.5Gi. Decimal suffixes are n, u, m, k, M, G, T, P and E, binary ones Ki to Ei.",
  "io.k8s.apimachinery.pkg.util.intstr.IntOrString": "A 32-bit integer or a string.",
  "io.k8s.apimachinery.pkg.apis.meta.v1.Time": "A time in RFC 3339, in seconds.",
  "io.k8s.apimachinery.pkg.apis.meta.v1.MicroTime": "A time in RFC 3339, in microseconds.",
  "io.k8s.apimachinery.pkg.apis.meta.v1.FieldsV1": "A set of fields, as a trie in JSON.",
  "io.k8s.apimachinery.pkg.runtime.RawExtension": "An object of any kind.",
};
