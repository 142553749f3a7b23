import torch

from models.networks.generator import Generator
from models.networks.history_encoder import HistoryEncoder
from models.networks.item_encoder import ItemEncoder


def encoder() -> HistoryEncoder:
    torch.manual_seed(0)
    made = HistoryEncoder(embedding_size=8, num_layers=2, num_heads=2, max_events=6, dropout=0.0).eval()
    for block in made.blocks:
        torch.nn.init.normal_(block.distance_bias)
    return made


def history(length: int):
    torch.manual_seed(1)
    return (
        torch.randn(1, length, 8),
        torch.ones(1, length, dtype=torch.bool),
        torch.full((1, length), 3),
        torch.zeros(1, length, dtype=torch.int64),
    )


class TestHistoryEncoder:
    def test_no_position_sees_a_later_event(self) -> None:
        features, mask, types, gaps = history(5)
        before = encoder()(features, mask, types, gaps)
        features = features.clone()
        features[0, 3:] = 9.0
        after = encoder()(features, mask, types, gaps)
        torch.testing.assert_close(after[0, :3], before[0, :3])
        assert not torch.allclose(after[0, 3:], before[0, 3:])

    def test_padding_changes_nothing(self) -> None:
        features, mask, types, gaps = history(3)
        short = encoder()(features, mask, types, gaps)
        pad = torch.nn.functional.pad
        long = encoder()(pad(features, (0, 0, 2, 0)), pad(mask, (2, 0)), pad(types, (2, 0)), pad(gaps, (2, 0)))
        torch.testing.assert_close(long[0, 2:], short[0])
        assert long.isfinite().all()

    def test_the_newest_taste_alone_is_the_last_of_all(self) -> None:
        made = encoder()
        for length in (1, 2, 5):
            torch.testing.assert_close(made.newest(*history(length)), made(*history(length))[:, -1])

    def test_a_purchase_draws_more_attention_than_a_view(self) -> None:
        """With nothing to tell the events apart but their type, the newest taste leans to what was bought."""
        features, mask, types, gaps = history(3)
        made = encoder()
        torch.nn.init.zeros_(made.event_types.weight)
        for block in made.blocks:
            torch.nn.init.zeros_(block.distance_bias)
            torch.nn.init.zeros_(block.query_key_value.weight[:16])

        def pull(bought: int) -> torch.Tensor:
            """How far the taste moves when that event's feature moves a little."""
            types_BL = torch.zeros_like(types)
            types_BL[0, bought] = 3
            moved = features.clone()
            moved[0, 0, 0] += 0.1
            return (made(moved, mask, types_BL, gaps) - made(features, mask, types_BL, gaps))[0, -1].norm()

        assert pull(0) > 2 * pull(1)

    def test_histories_of_purchases_alone_leave_nothing_to_learn_of_types(self) -> None:
        features, mask, types, gaps = history(4)
        made = encoder()
        made(features, mask, types, gaps).sum().backward()
        assert not made.log_interest.grad.any()

    def test_order_matters(self) -> None:
        features, mask, types, gaps = history(4)
        forward = encoder()(features, mask, types, gaps)[0, -1]
        swapped = encoder()(features[:, [1, 0, 2, 3]], mask, types, gaps)[0, -1]
        assert not torch.allclose(forward, swapped)


class TestGenerator:
    def test_zero_noise_is_the_taste_itself(self) -> None:
        generator = Generator(encoder(), embedding_size=8, noise_size=3)
        taste = torch.randn(4, 8)
        wishes = generator.wishes(taste, torch.zeros(4, 2, 3))
        torch.testing.assert_close(wishes[:, 0], torch.nn.functional.normalize(taste, dim=-1))
        torch.testing.assert_close(wishes[:, 0], wishes[:, 1])

    def test_noise_moves_the_wish_on_the_unit_sphere(self) -> None:
        generator = Generator(encoder(), embedding_size=8, noise_size=3)
        wishes = generator.wishes(torch.randn(4, 8), torch.randn(4, 2, 3))
        torch.testing.assert_close(wishes.norm(dim=-1), torch.ones(4, 2))
        assert not torch.allclose(wishes[:, 0], wishes[:, 1])


class TestItemEncoder:
    def test_an_item_without_text_gets_none_invented(self) -> None:
        items = ItemEncoder(text_width=4, num_tags=3, num_items=2, embedding_size=8)
        items.text_mean.fill_(0.5)
        nothing = items(torch.zeros(1, 4), torch.zeros(1, 2, dtype=torch.int64), torch.zeros(1, 2), torch.zeros(1, 2))
        assert not nothing.any()

    def test_a_dropped_identity_leaves_content_alone(self) -> None:
        items = ItemEncoder(text_width=4, num_tags=3, num_items=2, embedding_size=8)
        content = torch.randn(2, 8)
        both = items.with_identity(content, torch.arange(2), torch.tensor([0.0, 1.0]))
        torch.testing.assert_close(both[0], content[0])
        torch.testing.assert_close(both[1], content[1] + items.identity.weight[1])
