"""docs/result.schema.json, and what of a result it finds wrong."""
import json

import jsonschema

from support import ROOT

SCHEMA = json.loads((ROOT / "docs/result.schema.json").read_text())


def schema_errors(result):
    """Each as "where: what"."""
    errors = jsonschema.Draft202012Validator(SCHEMA).iter_errors(result)
    return sorted(f"{error.json_path}: {error.message}" for error in errors)
