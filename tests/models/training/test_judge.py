import numpy as np
import pytest
import torch

from models.domain.errors import TrainingDiverged
from models.networks.judge import context_of, in_context
from models.training.judge import CANDIDATES_PER_STEP, JudgedLists, draw_candidates, fit_judge, judged_lists, verdicts


def lists_of(num_lists: int, num_candidates: int = 8, seed: int = 0) -> JudgedLists:
    """What was taken has the largest first piece of evidence; the second piece is noise, the third never varies."""
    evidence_XCF = np.random.default_rng(seed).normal(size=(num_lists, num_candidates, 3)).astype(np.float32)
    evidence_XCF[..., 2] = 4.0
    taken_XC = np.zeros((num_lists, num_candidates), np.bool_)
    taken_XC[np.arange(num_lists), evidence_XCF[..., 0].argmax(axis=1)] = True
    return JudgedLists(evidence_XCF, np.ones_like(taken_XC), taken_XC)


class TestFitJudge:
    def test_learns_which_evidence_counts(self) -> None:
        judge, unseen = fit_judge(lists_of(600), seed=0), lists_of(200, seed=1)
        logits_XC = verdicts(judge, unseen.evidence_XCF, unseen.present_XC)
        assert (logits_XC.argmax(axis=1) == unseen.taken_XC.argmax(axis=1)).mean() > 0.9

    def test_learns_from_long_lists_of_which_a_step_reads_a_part(self) -> None:
        lists, unseen = lists_of(400, 4 * CANDIDATES_PER_STEP), lists_of(200, 4 * CANDIDATES_PER_STEP, seed=1)
        second_XC = lists.evidence_XCF[..., 0].argsort(axis=1)[:, -2]
        lists.taken_XC[np.arange(400), second_XC] = True
        logits_XC = verdicts(fit_judge(lists, seed=0), unseen.evidence_XCF, unseen.present_XC)
        assert (logits_XC.argmax(axis=1) == unseen.taken_XC.argmax(axis=1)).mean() > 0.9

    def test_lists_of_which_nearly_everything_is_absent(self) -> None:
        lists = lists_of(50, 2 * CANDIDATES_PER_STEP)
        present_XC = lists.taken_XC | (np.arange(2 * CANDIDATES_PER_STEP) < 2)
        judge = fit_judge(JudgedLists(lists.evidence_XCF, present_XC, lists.taken_XC), seed=0, epochs=1)
        assert np.isfinite(verdicts(judge, lists.evidence_XCF, np.ones_like(present_XC))).all()

    def test_evidence_that_never_varied_is_silent(self) -> None:
        judge = fit_judge(lists_of(200), seed=0)
        evidence = torch.zeros(1, 2, 3)
        evidence[0, 1, 2] = 1e6
        same, other = judge(evidence, torch.ones(1, 2, dtype=torch.bool))[0]
        assert same.item() == pytest.approx(other.item())

    def test_evidence_that_is_no_number_leaves_no_judge(self) -> None:
        lists = lists_of(50)
        lists.evidence_XCF[3, 2, 1] = np.nan
        with pytest.raises(TrainingDiverged, match="the judge's weights are not finite numbers"):
            fit_judge(lists, seed=0, epochs=1)

    def test_the_seed_decides(self) -> None:
        first, again, other = (fit_judge(lists_of(50), seed=seed, epochs=1) for seed in (1, 1, 2))
        assert torch.equal(first.members[0].linear.weight, again.members[0].linear.weight)
        assert not torch.equal(first.members[0].linear.weight, other.members[0].linear.weight)

    def test_members_differ_and_are_averaged(self) -> None:
        judge, evidence = fit_judge(lists_of(50), seed=0, epochs=1), torch.randn(2, 3, 3)
        present = torch.ones(2, 3, dtype=torch.bool)
        alone = [member(judge.told(evidence, present)) for member in judge.members]
        assert not torch.equal(alone[0], alone[1])
        torch.testing.assert_close(judge(evidence, present), torch.stack(alone).mean(dim=0))

    def test_what_is_absent_says_nothing_about_the_others(self) -> None:
        judge, evidence = fit_judge(lists_of(50), seed=0, epochs=1), torch.randn(1, 5, 3)
        present = torch.tensor([[True, True, True, False, False]])
        loud = evidence.clone()
        loud[:, 3:] = 100.0
        torch.testing.assert_close(judge(loud, present)[:, :3], judge(evidence[:, :3], present[:, :3]))

    def test_weighs_a_candidate_against_its_own_list(self) -> None:
        """Whatever the level of a list, its largest was taken: no evidence as it is can tell."""
        levels_X = np.random.default_rng(3).normal(scale=20.0, size=(800, 1))
        lists = lists_of(800)
        lists.evidence_XCF[..., 0] += levels_X
        evidence = torch.from_numpy(lists.evidence_XCF)
        told = in_context(evidence, context_of(evidence, torch.from_numpy(lists.present_XC)))
        assert told.shape == (800, 8, 6)
        torch.testing.assert_close(told[..., 3].mean(dim=1), torch.zeros(800), atol=1e-4, rtol=0)
        assert (told[..., 3].argmax(dim=1).numpy() == lists.taken_XC.argmax(axis=1)).all()
        assert told[..., 3].abs().max() < 4

    def test_absent_candidates_get_no_verdict(self) -> None:
        lists = lists_of(50)
        present = lists.present_XC.copy()
        present[:, 5:] = False
        assert np.isneginf(verdicts(fit_judge(lists, seed=0, epochs=1), lists.evidence_XCF, present)[:, 5:]).all()


class TestDrawCandidates:
    def test_what_was_taken_and_others_that_stand_for_all(self) -> None:
        torch.manual_seed(0)
        taken_BC = torch.zeros(3, 40, dtype=torch.bool)
        taken_BC[0, 5], taken_BC[1, 30:33], taken_BC[2, 7] = True, True, True
        present_BC = torch.ones_like(taken_BC)
        present_BC[2, 9:] = False
        drawn_BD, offset_BD = draw_candidates(present_BC, taken_BC, 10)
        is_taken_BD = taken_BC.gather(1, drawn_BD)
        assert is_taken_BD.sum(dim=1).tolist() == [1, 3, 1]
        assert (offset_BD[is_taken_BD] == 0).all()
        mass_B = (offset_BD.exp() * ~is_taken_BD).sum(dim=1)
        torch.testing.assert_close(mass_B, torch.tensor([39.0, 37.0, 8.0]))
        assert all(len(set(row)) == 10 for row in drawn_BD.tolist())


class TestJudgedLists:
    def test_lists_without_an_answer_are_dropped(self) -> None:
        lists = lists_of(3)
        taken = lists.taken_XC.copy()
        taken[1] = False
        assert len(judged_lists(lists.evidence_XCF, lists.present_XC, taken).taken_XC) == 2

    def test_joined_lists_are_padded_with_absent_candidates(self) -> None:
        joined = JudgedLists.joined([lists_of(2, 4), lists_of(1, 6)])
        assert joined.present_XC.sum(axis=1).tolist() == [4, 4, 6]
        assert joined.taken_XC.sum() == 3
