"""Experiments, as `FIGMENT_EXPERIMENTS` sets them up."""

from collections.abc import Mapping
from typing import Annotated, Any, Final

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError, create_model

from app.api.fields import refuse_fields
from app.api.list_request import RecommendationBody
from app.api.parts import Id, RequestPart
from app.runtime.experiments import Experiments, Variant
from models.domain.errors import SettingsRefused

OVERRIDABLE: Final = ("search_profile", "diversity", "exploration", "num_samples")
"""Makes lists differ, and never what a shop asked for."""
MAX_WEIGHT: Final = 1000
MAX_VARIANTS: Final = 20
MAX_EXPERIMENTS: Final = 100

_FIELDS: Final[dict[str, Any]] = {
    name: (field.annotation, field) for name, field in RecommendationBody.model_fields.items() if name in OVERRIDABLE
}
VariantSetUp: Final[type[RequestPart]] = create_model(
    "VariantSetUp", __base__=RequestPart, weight=(float, Field(default=1.0, gt=0, le=MAX_WEIGHT)), **_FIELDS
)
"""What a request may say of these fields, and a weight."""
_Variants = Annotated[dict[Id, VariantSetUp], Field(min_length=1, max_length=MAX_VARIANTS)]  # type: ignore[valid-type]  # made above
_SET_UP: Final[TypeAdapter[dict[str, dict[str, Any]]]] = TypeAdapter(
    Annotated[dict[Id, _Variants], Field(max_length=MAX_EXPERIMENTS)], config=ConfigDict(strict=True)
)


def read_experiments(set_up: Mapping[str, Any]) -> Experiments:
    """Experiment id → variant id → its `weight` and what it overrides. Raises SettingsRefused, naming the place."""
    try:
        found = _SET_UP.validate_python(set_up)
    except ValidationError as error:
        raise SettingsRefused(f"FIGMENT_EXPERIMENTS: {refuse_fields(error).detail}") from None
    return Experiments(
        {
            experiment_id: [_variant(variant_id, variant) for variant_id, variant in variants.items()]
            for experiment_id, variants in found.items()
        }
    )


def _variant(variant_id: str, set_up: Any) -> Variant:
    overrides = set_up.model_dump(exclude_unset=True, exclude={"weight"})
    return Variant(variant_id=variant_id, weight=set_up.weight, overrides=overrides)
