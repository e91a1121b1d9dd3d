"""Checks orders, and hands them on with the release that checked them."""

import json
import os

import jsonschema

# Came with jsonschema 4.18; the extracting image's release has none.
from referencing import Registry, Resource

orders = json.loads(os.environ["ORDERS"])
with open("/srv/order.schema.json") as file:
    order = json.load(file)
registry = Registry().with_resource(order["$id"], Resource.from_contents(order))
schema = {"type": "array", "minItems": 1, "items": {"$ref": order["$id"]}}
jsonschema.Draft202012Validator(schema, registry=registry).validate(orders)
release = jsonschema.__version__
print(f"{len(orders)} orders are good, says jsonschema {release}")
with open("/airflow/xcom/return.json", "w") as file:
    json.dump(
        {
            "region": os.environ["REGION"],
            "day": os.environ["DAY"],
            "orders": os.environ["ORDERS"],
            "extracted": os.environ["EXTRACTED_WITH"],
            "validated": release,
        },
        file,
    )
