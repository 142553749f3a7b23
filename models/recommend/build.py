"""A ranker from the files of a bundle."""

from dataclasses import fields

from models.bundle.layout import MANIFEST
from models.bundle.read import Bundle
from models.domain.errors import BundleCorrupt
from models.recommend.candidates import CandidateSource, RunsNetwork
from models.recommend.critic_terms import CriticTerms
from models.recommend.evidence import EVIDENCE
from models.recommend.fusion import FusionWeights
from models.recommend.ranker import Ranker
from models.recommend.sessions import run_network


def build_ranker(bundle: Bundle, threads: int = 1) -> Ranker:
    """The ranker over a bundle's files; raises BundleCorrupt where it holds what this version has no name for."""
    manifest = bundle.manifest
    if bundle.has_judge and (unknown := sorted(set(manifest.evidence) - set(EVIDENCE))):
        reason = f"its judge knows evidence that this version does not gather ({', '.join(unknown)}): train again"
        raise BundleCorrupt(bundle.folder / MANIFEST, reason)
    if unknown := sorted(set(manifest.fusion) - {each.name for each in fields(FusionWeights)}):
        reason = f"its lists are weighted by what this version does not know ({', '.join(unknown)}): train again"
        raise BundleCorrupt(bundle.folder / MANIFEST, reason)
    return Ranker.assemble(
        source=CandidateSource(
            generator=run_network(bundle.session("generator", threads=threads)),
            critic=run_network(bundle.session("critic", threads=threads)),
            index=bundle.index,
            item_features_ND=bundle.item_features_ND,
            neighbours=bundle.neighbours,
            similarity_scale=manifest.similarity_scale,
            critic_terms=_critic_terms(bundle, threads),
        ),
        spec=bundle.feature_spec,
        weights=FusionWeights(**manifest.fusion),
        facts=bundle.item_facts,
        judge=run_judge(bundle, threads) if bundle.has_judge else None,
        popularity_N=bundle.popularity_N,
        noise_size=manifest.noise_size,
    )


def run_judge(bundle: Bundle, threads: int) -> RunsNetwork:
    """The judge; one of an earlier version is shown the evidence that it knows."""
    network = run_network(bundle.session("judge", threads=threads))
    if tuple(bundle.manifest.evidence) == EVIDENCE:
        return network
    places = [EVIDENCE.index(name) for name in bundle.manifest.evidence]
    return lambda inputs: network({**inputs, "evidence": inputs["evidence"][..., places]})


def _critic_terms(bundle: Bundle, threads: int) -> CriticTerms | None:
    if bundle.critic_items_NX is None:
        return None
    network = run_network(bundle.session("critic_items", threads=threads))
    return CriticTerms(bundle.critic_items_NX, bundle.critic_taste_HD(), network)
