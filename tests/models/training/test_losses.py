import math

import torch
from torch.nn import functional

from models.networks.critic import Critic
from models.training.losses import (
    Softmax,
    balanced_weight,
    critic_loss,
    generator_adversarial_loss,
    mixture_likelihood,
    soft_target_likelihood,
)

NOTHING = (torch.empty(0, dtype=torch.int64), torch.empty(0, dtype=torch.int64))


def plain_mixture(generated_PSD, items_ND, targets_P, masked):
    """The formula as it is written, for autograd."""
    logits_PSN = generated_PSD @ items_ND.T
    blocked = torch.zeros(len(targets_P), len(items_ND), dtype=torch.bool)
    blocked[masked[0], masked[1]] = True
    logits_PSN = logits_PSN.masked_fill(blocked[:, None], -math.inf)
    chances_PS = logits_PSN.softmax(-1)[torch.arange(len(targets_P)), :, targets_P]
    return -chances_PS.mean(1).log().mean()


class TestMixtureLikelihood:
    def case(self, num_positions: int, num_samples: int):
        torch.manual_seed(3)
        generated = torch.randn(num_positions, num_samples, 8, dtype=torch.float32, requires_grad=True)
        items = torch.randn(30, 8, requires_grad=True)
        targets = torch.randint(30, (num_positions,))
        positions = torch.arange(num_positions).repeat_interleave(2)
        blocked = torch.randint(30, (2 * num_positions,))
        kept = blocked != targets[positions]
        return generated, items, targets, (positions[kept], blocked[kept])

    def test_value_and_gradients_are_those_of_the_formula(self) -> None:
        for num_positions, num_samples in ((5, 1), (7, 4), (600, 3)):  # 600·3 rows span several chunks
            generated, items, targets, masked = self.case(num_positions, num_samples)
            expected = plain_mixture(generated, items, targets, masked)
            expected_gradients = torch.autograd.grad(expected, (generated, items))
            loss = mixture_likelihood(generated, targets, Softmax(items, masked))
            torch.testing.assert_close(loss, expected)
            for mine, theirs in zip(torch.autograd.grad(2 * loss, (generated, items)), expected_gradients, strict=True):
                torch.testing.assert_close(mine, 2 * theirs, atol=1e-6, rtol=1e-4)

    def test_a_masked_item_takes_no_mass(self) -> None:
        items, generated = torch.eye(3), torch.zeros(1, 1, 3)
        free = mixture_likelihood(generated, torch.tensor([0]), Softmax(items, NOTHING))
        masked = mixture_likelihood(
            generated, torch.tensor([0]), Softmax(items, (torch.tensor([0]), torch.tensor([2])))
        )
        torch.testing.assert_close(free, torch.tensor(math.log(3.0)))
        torch.testing.assert_close(masked, torch.tensor(math.log(2.0)))

    def test_weights_stand_for_items_that_were_not_drawn(self) -> None:
        """Of 4 equal items two are drawn, each for two of its like: the loss is that over all four."""
        items, generated = torch.ones(3, 2), torch.ones(1, 1, 2)
        log_weights = torch.tensor([0.0, math.log(2.0), math.log(2.0)])
        loss = mixture_likelihood(generated, torch.tensor([0]), Softmax(items, NOTHING, log_weights_N=log_weights))
        torch.testing.assert_close(loss, torch.tensor(math.log(5.0)))

    def test_samples_may_carry_different_wishes(self) -> None:
        """Two sharp guesses of which one is right cost log 2; their average would cost far more."""
        items = 20 * torch.eye(2)
        generated = torch.tensor([[[1.0, 0.0], [0.0, 1.0]]])
        loss = mixture_likelihood(generated, torch.tensor([1]), Softmax(items, NOTHING))
        torch.testing.assert_close(loss, torch.tensor(math.log(2.0)), atol=1e-4, rtol=0)


class TestSoftTargetLikelihood:
    def test_value_and_gradients_are_those_of_the_formula(self) -> None:
        torch.manual_seed(4)
        guesses = torch.randn(600, 8, requires_grad=True)  # several chunks
        items = torch.randn(30, 8, requires_grad=True)
        targets = torch.randint(1, 30, (600, 5))
        weights = functional.normalize(torch.rand(600, 5), p=1.0, dim=1)
        masked = (torch.arange(600), torch.zeros(600, dtype=torch.int64))
        logits = (guesses @ items.T).index_fill(1, torch.tensor([0]), -math.inf)
        expected = -(weights * logits.log_softmax(-1).gather(1, targets)).sum(1).mean()
        expected_gradients = torch.autograd.grad(expected, (guesses, items))
        loss = soft_target_likelihood(guesses, targets, weights, Softmax(items, masked))
        torch.testing.assert_close(loss, expected)
        for mine, theirs in zip(torch.autograd.grad(2 * loss, (guesses, items)), expected_gradients, strict=True):
            torch.testing.assert_close(mine, 2 * theirs, atol=1e-6, rtol=1e-4)

    def test_one_target_with_all_the_weight_is_the_mixture_of_one_sample(self) -> None:
        torch.manual_seed(5)
        guesses, items, targets = torch.randn(7, 4), torch.randn(9, 4), torch.randint(9, (7,))
        softmax = Softmax(items, NOTHING)
        hard = mixture_likelihood(guesses[:, None], targets, softmax)
        torch.testing.assert_close(soft_target_likelihood(guesses, targets[:, None], torch.ones(7, 1), softmax), hard)


class TestCriticLoss:
    def test_penalties_are_squared_gradient_lengths(self) -> None:
        torch.manual_seed(0)
        critic = Critic(embedding_size=4, hidden_size=8)
        taste, real, fake, other = (torch.randn(6, 4) for _ in range(4))
        loss = critic_loss(
            critic, taste, real, fake, other, is_other_B=torch.ones(len(taste), dtype=torch.bool), gamma=2.0
        )
        at = real.clone().requires_grad_(True)
        (gradient,) = torch.autograd.grad(critic(taste, at).sum(), at)
        torch.testing.assert_close(loss.r1, gradient.square().sum(-1).mean())
        torch.testing.assert_close(loss.total, loss.adversarial + loss.mismatched + loss.r1 + loss.r2)

    def test_a_mismatched_item_that_is_the_real_one_says_nothing(self) -> None:
        critic = Critic(embedding_size=4, hidden_size=8)
        taste, real, fake = (torch.randn(3, 4) for _ in range(3))
        other = torch.cat([real[:1], torch.randn(2, 4)])
        masked = critic_loss(critic, taste, real, fake, other, is_other_B=torch.tensor([False, True, True]), gamma=0.0)
        others = torch.ones(2, dtype=torch.bool)
        without = critic_loss(critic, taste[1:], real[1:], fake[1:], other[1:], is_other_B=others, gamma=0.0)
        torch.testing.assert_close(masked.mismatched, without.mismatched)
        nothing = critic_loss(critic, taste, real, fake, real, is_other_B=torch.zeros(3, dtype=torch.bool), gamma=0.0)
        assert nothing.mismatched.item() == 0.0

    def test_learns_to_tell_real_from_generated(self) -> None:
        torch.manual_seed(0)
        critic = Critic(embedding_size=4, hidden_size=16)
        optimizer = torch.optim.Adam(critic.parameters(), 1e-2)
        for _ in range(200):
            taste = torch.randn(64, 4)
            loss = critic_loss(
                critic,
                taste,
                taste,
                -taste,
                torch.randn(64, 4),
                is_other_B=torch.ones(len(taste), dtype=torch.bool),
                gamma=0.01,
            )
            optimizer.zero_grad()
            loss.total.backward()
            optimizer.step()
        assert loss.accuracy > 0.9
        taste = torch.randn(256, 4)
        assert (critic(taste, taste) > critic(taste, -taste)).float().mean() > 0.9

    def test_generator_loss_pulls_the_generated_towards_the_real(self) -> None:
        torch.manual_seed(0)
        critic = Critic(embedding_size=2, hidden_size=16)
        optimizer = torch.optim.Adam(critic.parameters(), 1e-2)
        real = torch.tensor([[1.0, 0.0]]).expand(64, 2)
        taste = torch.zeros(64, 2)
        fake = torch.nn.Parameter(torch.tensor([[-1.0, 0.0]]))
        mover = torch.optim.SGD([fake], 0.5)
        start = (fake - real[:1]).norm().item()
        for _ in range(300):
            loss = critic_loss(
                critic,
                taste,
                real,
                fake.expand(64, 2).detach(),
                real,
                is_other_B=torch.ones(len(taste), dtype=torch.bool),
                gamma=0.1,
            )
            optimizer.zero_grad()
            loss.total.backward()
            optimizer.step()
            mover.zero_grad()
            generator_adversarial_loss(critic, taste, real, fake.expand(64, 2)).backward()
            mover.step()
        assert (fake - real[:1]).norm().item() < 0.5 * start


class TestBalancedWeight:
    def test_makes_the_gradient_the_asked_share(self) -> None:
        at = torch.randn(5, 3, requires_grad=True)
        likelihood, adversarial = (at**2).sum(), (3 * at).sum()
        weight = balanced_weight(likelihood, adversarial, at, ratio=0.5)
        (long,) = torch.autograd.grad((at**2).sum(), at)
        (short,) = torch.autograd.grad(weight.detach() * (3 * at).sum(), at)
        torch.testing.assert_close(short.norm(), 0.5 * long.norm())


def test_softplus_pair_is_the_relativistic_loss() -> None:
    critic = Critic(embedding_size=2, hidden_size=4)
    taste, real, fake = torch.randn(3, 2), torch.randn(3, 2), torch.randn(3, 2)
    loss = critic_loss(critic, taste, real, fake, real, is_other_B=torch.ones(len(taste), dtype=torch.bool), gamma=0.0)
    expected = functional.softplus(-(critic(taste, real) - critic(taste, fake))).mean()
    torch.testing.assert_close(loss.adversarial, expected)
