"""Writes the orders of one region on one day, as the shop's till would: always the same for a day."""

import hashlib
import json
import os

import jsonschema

region, day = os.environ["REGION"], os.environ["DAY"]
with open("/srv/catalog.json") as file:
    catalog = json.load(file)
jsonschema.validate(
    catalog,
    {"additionalProperties": {"type": "object", "required": [region]}},
)


def quantity(product):
    """Between 1 and 5."""
    return hashlib.sha256(f"{region} {day} {product}".encode()).digest()[0] % 5 + 1


orders = [
    {"product": product, "quantity": quantity(product), "price": prices[region]}
    for product, prices in sorted(catalog.items())
]
print(f"{len(orders)} orders of {region} on {day}, with jsonschema {jsonschema.__version__}")
with open("/airflow/xcom/return.json", "w") as file:
    json.dump(
        {
            "REGION": region,
            "DAY": day,
            "ORDERS": json.dumps(orders),
            "EXTRACTED_WITH": jsonschema.__version__,
        },
        file,
    )
