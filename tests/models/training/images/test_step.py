import torch

from models.training.losses import critic_loss


def critic(asked: torch.Tensor, picture: torch.Tensor) -> torch.Tensor:
    return picture.flatten(1).square().sum(1) * asked[:, 0]


class TestPenalisedPairs:
    """Of pictures, the penalties are taken on some."""

    asked = torch.tensor([[1.0], [2.0], [3.0]])
    real = torch.randn(3, 1, 4, 4, generator=torch.Generator().manual_seed(0))
    fake = torch.randn(3, 1, 4, 4, generator=torch.Generator().manual_seed(1))

    def test_the_rest_of_the_loss_is_of_all(self) -> None:
        some = critic_loss(critic, self.asked, self.real, self.fake, gamma=1.0, num_penalised=2)
        every = critic_loss(critic, self.asked, self.real, self.fake, gamma=1.0)
        torch.testing.assert_close(some.adversarial, every.adversarial)
        torch.testing.assert_close(some.accuracy, every.accuracy)

    def test_the_penalty_is_of_the_first(self) -> None:
        some = critic_loss(critic, self.asked, self.real, self.fake, gamma=1.0, num_penalised=2)
        # ∇ of a·|x|² is 2·a·x
        expected = (2 * self.asked[:2] * self.real[:2].flatten(1)).square().sum(1).mean()
        torch.testing.assert_close(some.r1, expected)

    def test_without_mismatched_pairs_none_say_anything(self) -> None:
        assert critic_loss(critic, self.asked, self.real, self.fake, gamma=1.0).mismatched.item() == 0.0
