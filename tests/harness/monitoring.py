"""Reads monitoring pages, and says what shape they have."""
import http.client
import json


def get(port, path, method="GET"):
    """(status, headers, body) of a page."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request(method, path)
        response = connection.getresponse()
        return response.status, {k.lower(): v for k, v in response.getheaders()}, response.read().decode()
    finally:
        connection.close()


def page(port, path):
    """A page as JSON."""
    status, _, body = get(port, path)
    assert status == 200, f"{path}: {status} {body}"
    return json.loads(body)


def shape(value, skip=()):
    """Keys in their order and types of values; of a list the shape of its first item. Members named in
    `skip` are left out."""
    if isinstance(value, dict):
        return [(key, shape(item, skip)) for key, item in value.items() if key not in skip]
    if isinstance(value, list):
        return ["list"] + [shape(item, skip) for item in value[:1]]
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, (int, float)):
        return "number"
    return type(value).__name__
