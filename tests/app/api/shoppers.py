"""What a shop sends about shoppers, and how it looks at what is stored."""

from datetime import UTC, datetime, timedelta
from urllib.parse import quote


def minutes_ago(minutes: float) -> str:
    return (datetime.now(UTC) - timedelta(minutes=minutes)).isoformat()


def event(item_id="item-1", minutes=1.0, **fields):
    """One of `u1`, unless the fields say otherwise; None leaves one out."""
    made = {"user_id": "u1", "item_id": item_id, "event_type": "view", "timestamp": minutes_ago(minutes)} | fields
    return {name: value for name, value in made.items() if value is not None}


def guest(item_id="item-1", minutes=1.0, session_id="s1", **fields):
    return event(item_id, minutes, user_id=None, session_id=session_id, **fields)


def post(client, *events, **headers):
    return client.post("/v1/events", json={"events": list(events)}, headers=headers)


def store(client, *events):
    answer = post(client, *events)
    assert (answer.status_code, answer.json()["errors"]) == (202, [])
    return answer.json()


def user_path(user_id, rest=""):
    return f"/v1/users/{quote(user_id, safe='')}{rest}"


def stored(client, user_id="u1"):
    """Newest first."""
    answer = client.get(user_path(user_id, "/events?limit=1000"))
    return [] if answer.status_code == 404 else answer.json()["events"]


def stored_items(client, user_id="u1"):
    return [one["item_id"] for one in stored(client, user_id)]
