"""How tests ask for lists."""

HISTORY = [{"item_id": "item-2"}, {"item_id": "item-0"}]


def ask(client, body, **headers):
    return client.post("/v1/recommendations", json=body, headers=headers)


def listed(client, body):
    """The answer to a body that is in order."""
    answer = ask(client, body)
    assert answer.status_code == 200, answer.text
    return answer.json()


def item_ids(answer):
    told = answer if isinstance(answer, dict) else answer.json()
    return [item["item_id"] for item in told["items"]]
