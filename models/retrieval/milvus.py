"""Nearest items by Milvus: for an index that one machine does not hold."""

# B queries, N items, D features, K nearest

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, TypeVar
from urllib.parse import urlsplit

import numpy as np
from grpc import Call, RpcError, StatusCode
from numpy.typing import NDArray
from pymilvus import DataType, MilvusClient, MilvusException

from models.domain.errors import IndexUnavailable
from models.domain.item_rows import NO_ITEM
from models.retrieval.choice import MIN_RECALL
from models.retrieval.faiss_index import RECALL_AT, exact_nearest, lists_under_filter, num_lists_of, recall_of
from models.retrieval.metric import InnerProduct

METRIC: Final = {"METRIC_INNER_PRODUCT": "IP"}[InnerProduct.FAISS_METRIC]
ROWS_OF_A_SEGMENT: Final = 1_000_000
"""About: Milvus cuts a collection into segments, each with inverted lists of its own."""
OWN_NUM_LISTS: Final = 128
"""Of the embedded edition, whatever it is asked for."""
PROBES: Final = 32
"""Items whose nearest tell how many lists have to be visited."""
MOST_NEAREST: Final = 16_384
"""Milvus lists no more at once."""
ROWS_PER_WRITE: Final = 10_000
"""5 MB of 128 numbers each; Milvus takes 64."""
WRITE_SECONDS: Final = 120.0
DELETIONS: Final = 1
"""Milvus's level (L0) of segments that hold what was deleted and no items: nobody waits for a search to read them."""
BUILD_SECONDS: Final = 3600.0
POLL_SECONDS: Final = 0.2
TELL_SECONDS: Final = 30.0
"""Between two words about work that takes minutes."""
SETTLE_SECONDS: Final = 1.0
"""Lists may only just have taken over from a scan, which finds everything."""
SEARCH_SECONDS: Final = 2.0
SECONDS_A_QUERY: Final = 0.02
PROBE_SECONDS: Final = 0.5

FAULTS: Final = (MilvusException, RpcError)
"""The second where the server hangs."""

Answer = TypeVar("Answer")
Tell = Callable[[str, dict[str, Any]], None]
"""Takes what is being done and how far it is."""

# it writes every failed call with its stack, of which the error below tells the reason
logging.getLogger("pymilvus").setLevel(logging.CRITICAL)


@dataclass(frozen=True, slots=True)
class MilvusCollection:
    """What a call needs of the server."""

    client: MilvusClient
    name: str
    place: str
    """Host and port, without a password."""

    def call(self, ask: Callable[[], Answer]) -> Answer:
        """What `ask` returns. Raises IndexUnavailable.

        A server that was started again may have the collection on disk alone: it is loaded, and asked once more.
        """
        try:
            try:
                return ask()
            except MilvusException:
                self.client.load_collection(self.name, timeout=SEARCH_SECONDS)
                return ask()
        except FAULTS as error:
            raise IndexUnavailable(self.place, _reason(error)) from error


class MilvusIndex:
    """A `VectorIndex` in one collection, which nobody changes once it is filled: what changes lies beside it."""

    def __init__(self, collection: MilvusCollection, num_items: int, num_lists: int) -> None:
        self._collection = collection
        self._num_items = num_items
        self.num_lists = num_lists
        """Of each segment."""
        self.lists_visited = 1
        """Of those."""

    @property
    def num_items(self) -> int:
        """Number of items."""
        return self._num_items

    def search(
        self, queries_BD: NDArray[np.float32], k: int, allowed_N: NDArray[np.bool_] | None = None
    ) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
        """As `VectorIndex` says, up to the 16,384 nearest. Raises IndexUnavailable."""
        rows_BK = np.full((len(queries_BD), k), NO_ITEM, np.int32)
        scores_BK = np.full((len(queries_BD), k), -np.inf, np.float32)
        if not len(queries_BD) or (allowed_N is not None and not allowed_N.any()):
            return rows_BK, scores_BK
        limit = min(k, self._num_items, MOST_NEAREST)
        visited = self.lists_visited
        if allowed_N is not None:
            visited = lists_under_filter(visited, self.num_lists, allowed_N)
        found = self._collection.call(
            lambda: self._collection.client.search(
                self._collection.name,
                data=list(np.ascontiguousarray(queries_BD, np.float32)),
                limit=limit,
                filter=_only(allowed_N),
                output_fields=["row"],  # else the features come with them
                search_params={"metric_type": METRIC, "params": {"nprobe": visited}},
                consistency_level="Eventually",  # nothing is written any more that a search would have to wait for
                timeout=SEARCH_SECONDS + SECONDS_A_QUERY * len(queries_BD),
            )
        )
        for number, nearest in enumerate(found):
            rows_BK[number, : len(nearest)] = [each["row"] for each in nearest]
            scores_BK[number, : len(nearest)] = [each["distance"] for each in nearest]
        return rows_BK, scores_BK


class MilvusServer:
    """Milvus at one address: a cluster, one process, or with a path that ends in `.db` the edition in this process."""

    def __init__(self, url: str, tell: Tell = lambda _task, _so_far: None) -> None:
        """Nothing is asked yet. `tell` hears now and then how far the filling of a collection is."""
        self._url = url
        self._tell = tell
        parts = urlsplit(url)
        self.place = f"{parts.hostname}:{parts.port or 19530}" if parts.hostname else url
        self._client: MilvusClient | None = None

    def check(self, name: str | None = None) -> None:
        """Raises IndexUnavailable where it does not answer at once, or not from the collection of this name.

        A server that was started again answers before it has its collections in memory, and may have to be told to.
        """
        self._reached(
            lambda client: (
                client.load_collection(name, timeout=PROBE_SECONDS)
                if name
                else client.list_collections(timeout=PROBE_SECONDS)
            )
        )

    def index_of(self, name: str, item_features_ND: NDArray[np.float32]) -> MilvusIndex:
        """The index in the collection of this name, which is made and filled where it is not there or not full.

        `name` stands for these features and no others. Several processes may fill one collection: they write the same.
        Raises IndexUnavailable.
        """
        return self._reached(lambda client: self._index(client, name, item_features_ND))

    def _index(self, client: MilvusClient, name: str, item_features_ND: NDArray[np.float32]) -> MilvusIndex:
        num_items, size = item_features_ND.shape
        collection = MilvusCollection(client, name, self.place)
        if not client.has_collection(name, timeout=WRITE_SECONDS):
            _create(client, name, num_items, size)
        if _count(collection) != num_items:
            tell_from = 0.0
            for start in range(0, num_items, ROWS_PER_WRITE):
                if time.monotonic() >= tell_from:
                    self._tell("writing items to Milvus", {"collection": name, "written": start, "of": num_items})
                    tell_from = time.monotonic() + TELL_SECONDS
                block_XD = np.asarray(item_features_ND[start : start + ROWS_PER_WRITE])
                rows = [{"row": start + place, "feature": feature_D} for place, feature_D in enumerate(block_XD)]
                client.upsert(name, rows, timeout=WRITE_SECONDS)
            client.flush(name, timeout=WRITE_SECONDS)  # what is sealed gets its lists
        if (found := _count(collection)) != num_items:
            raise IndexUnavailable(self.place, f"collection {name} has {found} items instead of {num_items}")
        num_lists = _lists_when_made(collection, self._tell)
        return _sure(MilvusIndex(collection, num_items, num_lists), np.asarray(item_features_ND))

    def _reached(self, ask: Callable[[MilvusClient], Answer]) -> Answer:
        try:
            if self._client is None:
                self._client = MilvusClient(self._url, timeout=SEARCH_SECONDS)
            return ask(self._client)
        except FAULTS as error:
            raise IndexUnavailable(self.place, _reason(error)) from error


def _create(client: MilvusClient, name: str, num_items: int, size: int) -> None:
    schema = MilvusClient.create_schema(auto_id=False)
    schema.add_field("row", DataType.INT64, is_primary=True)
    schema.add_field("feature", DataType.FLOAT_VECTOR, dim=size)
    index = client.prepare_index_params()
    num_lists = num_lists_of(min(num_items, ROWS_OF_A_SEGMENT))
    index.add_index("feature", index_type="IVF_FLAT", metric_type=METRIC, params={"nlist": num_lists})
    try:
        client.create_collection(
            name, schema=schema, index_params=index, consistency_level="Strong", timeout=WRITE_SECONDS
        )
    except MilvusException:
        if not client.has_collection(name, timeout=WRITE_SECONDS):  # else another process made it meanwhile
            raise


def _count(collection: MilvusCollection) -> int:
    """Items that are there, those written a moment ago too."""
    counted: Any = collection.call(
        lambda: collection.client.query(
            collection.name, output_fields=["count(*)"], consistency_level="Strong", timeout=WRITE_SECONDS
        )
    )
    return int(counted[0]["count(*)"])


def _only(allowed_N: NDArray[np.bool_] | None) -> str:
    """The items as Milvus's own condition, applied while it searches: by those in or those out, whichever are fewer."""
    if allowed_N is None or allowed_N.all():
        return ""
    is_short = 2 * int(allowed_N.sum()) <= len(allowed_N)
    rows = np.flatnonzero(allowed_N if is_short else ~allowed_N)
    return f"row {'in' if is_short else 'not in'} {rows.tolist()}"


def _lists_when_made(collection: MilvusCollection, tell: Tell) -> int:
    """How many lists there are, once searches visit them: before that all is scanned, and what is found tells nothing.

    Milvus 2.3 took 18 s for it after it had called the lists of 2,000 items finished. Raises IndexUnavailable where it
    takes too long.
    """
    started = tell_from = time.monotonic()
    while True:
        state: Any = collection.call(
            lambda: collection.client.describe_index(collection.name, "feature", timeout=WRITE_SECONDS)
        )
        if state["state"] == "Finished" and not int(state["pending_index_rows"]) and _are_in_memory(collection):
            return int(state.get("nlist", OWN_NUM_LISTS))
        now = time.monotonic()
        if now > started + BUILD_SECONDS:
            raise IndexUnavailable(collection.place, f"collection {collection.name} has no index after an hour")
        if now >= tell_from:
            so_far = {"collection": collection.name, "state": state["state"], "seconds": round(now - started)}
            tell("waiting for Milvus's lists", so_far)
            tell_from = now + TELL_SECONDS
        time.sleep(POLL_SECONDS)


def _are_in_memory(collection: MilvusCollection) -> bool:
    """Whether every segment on disk, which has its lists by then, is one that searches read."""
    try:
        written = collection.client.list_persistent_segments(collection.name, timeout=WRITE_SECONDS)
        read = collection.client.list_loaded_segments(collection.name, timeout=WRITE_SECONDS)
    except RpcError as error:
        if isinstance(error, Call) and error.code() is StatusCode.UNIMPLEMENTED:
            return True  # the embedded edition has nothing to bring from elsewhere
        raise
    of_items = {each.segment_id for each in written if each.level != DELETIONS}
    return bool(of_items) and of_items <= {each.segment_id for each in read}


def _sure(index: MilvusIndex, item_features_ND: NDArray[np.float32]) -> MilvusIndex:
    """The index, visiting as few lists as the rule for every index asks for; all of them at worst."""
    rows = np.random.default_rng(0).permutation(len(item_features_ND))[:PROBES]
    queries_QD = np.ascontiguousarray(item_features_ND[np.sort(rows)], np.float32)
    true_QK = exact_nearest(item_features_ND, queries_QD, RECALL_AT)
    while index.lists_visited < index.num_lists:
        if recall_of(index, queries_QD, true_QK) >= MIN_RECALL:
            time.sleep(SETTLE_SECONDS)
            if recall_of(index, queries_QD, true_QK) >= MIN_RECALL:
                break
        index.lists_visited = min(index.num_lists, 2 * index.lists_visited)
    return index


def _reason(error: Exception) -> str:
    if isinstance(error, Call):
        return "no answer in time" if error.code() is StatusCode.DEADLINE_EXCEEDED else str(error.code())
    return str(getattr(error, "message", error)).strip().partition("\n")[0] or type(error).__name__
