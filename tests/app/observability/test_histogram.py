from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Histogram
from prometheus_client.exposition import generate_latest

from app.observability.histogram import LoopHistogram

BOUNDS = (0.001, 0.5, 1.0, 10.0)
OBSERVED = st.lists(st.tuples(st.sampled_from(["search", "judge"]), st.floats(0, 20) | st.sampled_from(BOUNDS)))


class TestLoopHistogram:
    @given(OBSERVED)
    def test_tells_what_the_librarys_own_would_tell(self, observed):
        mine, theirs = CollectorRegistry(), CollectorRegistry()
        histogram = LoopHistogram(mine, "work_seconds", "Of work.", labels=("stage",), bounds=BOUNDS)
        reference = Histogram("work_seconds", "Of work.", ["stage"], registry=theirs, buckets=BOUNDS)
        for stage, value in observed:
            histogram.observe(value, (stage,))
            reference.labels(stage).observe(value)
        told = [line for line in generate_latest(theirs).splitlines() if b"_created" not in line]
        assert generate_latest(mine).splitlines() == told

    def test_without_labels_nothing_is_told_before_the_first_value(self):
        registry = CollectorRegistry()
        histogram = LoopHistogram(registry, "size", "Of a batch.", bounds=(1, 2))
        assert registry.get_sample_value("size_count") is None
        histogram.observe(2)
        assert registry.get_sample_value("size_bucket", {"le": "2.0"}) == 1
