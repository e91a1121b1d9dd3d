"""Writes down the operations and shapes of Airflow's stable REST API, for our tests, in few words.

    python shapes.py …/airflow/api_fastapi/core_api/openapi/v2-rest-api-generated.yaml \
        ../../src/workflows/api/cases

Only names and types are taken over. A type is `string`, `integer`, `number`, `boolean`, `null`, `object`,
`any`, a shape's name, `[type]` for a list, `{type}` for values by name, `a | b` for either, 'text' for a
constant. A field whose name ends in `?` may be left out. `…` as a field: others may be there.
"""

import json
import re
import sys

import yaml

source, folder = sys.argv[1:3]
document = yaml.safe_load(open(source))
prefix = "/api/v2"


def type_of(schema):
    if schema is None or schema is True or schema == {}:
        return "any"
    if "$ref" in schema:
        return schema["$ref"].rsplit("/", 1)[1]
    for word in ("anyOf", "oneOf"):
        if word in schema:
            return " | ".join(dict.fromkeys(type_of(it) for it in schema[word]))
    if "const" in schema:
        return f"'{schema['const']}'"
    if "enum" in schema:
        return " | ".join(f"'{it}'" for it in schema["enum"])
    kind = schema.get("type", "any")
    if kind == "array":
        return f"[{type_of(schema.get('items'))}]"
    if kind == "object" and "properties" not in schema:
        values = schema.get("additionalProperties")
        return "object" if values in (None, True, False) else "{" + type_of(values) + "}"
    return "any" if isinstance(kind, list) else kind


def shape_of(schema):
    if "properties" not in schema:
        return type_of(schema)
    needed = schema.get("required", [])
    fields = {
        name if name in needed else f"{name}?": type_of(it)
        for name, it in schema["properties"].items()
    }
    return fields | ({"…": "any"} if schema.get("additionalProperties") else {})


def operation_of(operation):
    found = {}
    query = [it for it in operation.get("parameters", []) if it["in"] == "query"]
    if query:
        found["query"] = [it["name"] + ("!" if it.get("required") else "") for it in query]
    body = operation.get("requestBody", {}).get("content", {}).get("application/json")
    if body:
        found["body"] = type_of(body["schema"])
    answers = {}
    for status, answer in operation["responses"].items():
        content = answer.get("content", {}).get("application/json")
        if status.startswith("2"):
            answers[status] = type_of(content["schema"]) if content else "nothing"
    found["answers"] = answers
    found["problems"] = sorted(
        int(it) for it in operation["responses"] if it.startswith("4") or it.startswith("5")
    )
    return found


operations = {
    f"{method.upper()} {path.removeprefix(prefix)}": operation_of(operation)
    for path, methods in document["paths"].items()
    for method, operation in methods.items()
}
shapes = {name: shape_of(it) for name, it in document["components"]["schemas"].items()}
reached, waiting = set(), json.dumps(operations)
while True:
    names = {it for it in re.findall(r"\w+", waiting) if it in shapes} - reached
    if not names:
        break
    reached |= names
    waiting = json.dumps([shapes[it] for it in names])
kept = {name: it for name, it in shapes.items() if name in reached}
for name, value in (("operations", operations), ("shapes", kept)):
    with open(f"{folder}/{name}.json", "w") as file:
        json.dump(value, file, indent=2, ensure_ascii=False)
        file.write("\n")
