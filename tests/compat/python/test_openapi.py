"""/openapi.json is a valid OpenAPI 3.1 document and names every call of the job API."""
import os

import requests
from openapi_spec_validator import OpenAPIV31SpecValidator


def document():
    answer = requests.get(os.environ["REFLECTION_URL"] + "/openapi.json")
    assert answer.status_code == 200
    return answer.json()


def test_document_is_valid_openapi_31():
    spec = document()
    assert spec["openapi"].startswith("3.1")
    assert list(OpenAPIV31SpecValidator(spec).iter_errors()) == []


def test_document_names_every_call():
    paths = document()["paths"]
    calls = {(method, path.removeprefix("/v1")) for path, item in paths.items() for method in item}
    wanted = {("get", "/upload"), ("post", "/job"), ("get", "/job"), ("get", "/job/{id}"),
              ("get", "/job/{id}/status"), ("delete", "/job/{id}"), ("get", "/workflow"),
              ("get", "/application")}
    assert wanted <= calls
