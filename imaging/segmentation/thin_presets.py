"""Presets of thin arteries and the abdominal aorta: a point where the tree begins, one where each vessel shall end."""

from __future__ import annotations

from imaging.segmentation.declaration import AnatomyFacts, Diameter, Opening, PointRole, PointsMm, Preset
from imaging.segmentation.thin_plan import Leg, ThinTreeParameters, TreePlan
from imaging.segmentation.thin_tree import segment_thin_tree
from imaging.types import LabelMap, Progress, Volume

_SCAN = "in a scan with contrast medium in the arteries; vessels without a point are left out."
_END = "In the artery where the model shall end."
_DODGE = "Dodge et al. 1992, Circulation 86:232"
_KREJZA = "Krejza et al. 2006, Stroke 37:1103, women"
_BAZ = "Baz et al. 2021, Medicina 57:839"


def _preset(
    preset_id: str,
    title: str,
    anatomy: str,
    root: PointRole,
    ends: tuple[tuple[PointRole, Leg], ...],
    facts: AnatomyFacts,
    trunk: str = "",
    wide_mm: float = 1.5,
    on_the_way: tuple[PointRole, ...] = (),
) -> Preset:
    """The preset of a tree; the first end is needed unless it says otherwise, openings are named as their points."""
    roles = (root, *[role for role, _ in ends], *on_the_way)
    legs = tuple(leg for _, leg in ends)
    vessels = dict.fromkeys(([trunk] if trunk else []) + [leg.name for leg in legs])
    names = dict(enumerate(vessels, start=1))
    plan = TreePlan(root.id, legs, {role.id: role.title for role in roles}, names, trunk, wide_mm)

    def segment(volume: Volume, points: PointsMm, parameters: ThinTreeParameters, progress: Progress) -> LabelMap:
        return segment_thin_tree(volume, points, plan, parameters, progress)

    openings = (
        Opening(root.id, root.id, "inlet"),
        *[Opening(leg.role, leg.role, "outlet") for leg in legs if not leg.is_sac],
    )
    about = f"{anatomy}, {_SCAN}"
    return Preset(preset_id, title, about, roles, openings, ThinTreeParameters, names, segment, facts)


def _end(role: str, title: str, is_optional: bool = True, name: str = "", hint: str = _END) -> tuple[PointRole, Leg]:
    return PointRole(role, title, hint, is_optional), Leg(role, name or role)


LEFT_CORONARY = _preset(
    "left-coronary",
    "Left coronary tree",
    "Left main with the anterior descending and circumflex arteries and their first branches",
    PointRole("ostium", "Ostium", "In the left main, 2 mm beyond where it leaves the aorta."),
    (
        _end("left_anterior_descending", "End of the LAD", is_optional=False),
        _end("left_circumflex", "End of the circumflex"),
        _end("first_diagonal", "End of the first diagonal"),
        _end("obtuse_marginal", "End of the obtuse marginal"),
        _end("ramus", "End of an intermediate branch"),
    ),
    AnatomyFacts("coronary", (Diameter("left_circumflex", 3.4, _DODGE),)),
    trunk="left_main",
)
RIGHT_CORONARY = _preset(
    "right-coronary",
    "Right coronary tree",
    "Right coronary artery and its branches",
    PointRole("right_ostium", "Ostium", "Where the right coronary artery leaves the aorta."),
    (
        _end("right_coronary", "End of the right coronary", is_optional=False),
        _end("posterior_descending", "End of the posterior descending"),
        _end("acute_marginal", "End of the acute marginal"),
    ),
    AnatomyFacts("coronary"),
)
CAROTID = _preset(
    "carotid",
    "Carotid bifurcation",
    "Common carotid with the internal and external carotid artery of one side",
    PointRole("common_carotid", "Common carotid", "In the artery where the model shall begin."),
    (
        _end("internal_carotid", "End of the internal carotid", is_optional=False),
        _end("external_carotid", "End of the external carotid"),
    ),
    AnatomyFacts("common-carotid", (Diameter("internal_carotid", 4.66, _KREJZA),)),
    trunk="common_carotid",
    wide_mm=2.5,
)
CIRCLE_OF_WILLIS = _preset(
    "circle-of-willis",
    "Circle of Willis",
    "Both internal carotids and the basilar artery with the arteries of the circle that connect them",
    PointRole("right_internal_carotid", "Right internal carotid", "Where the model shall begin."),
    (
        _end("right_middle_cerebral", "End of the right middle cerebral", is_optional=False),
        (
            PointRole("left_internal_carotid", "Left internal carotid", "Where the model shall begin."),
            Leg("left_internal_carotid", "left_internal_carotid", ("anterior_communicating",)),
        ),
        _end("left_middle_cerebral", "End of the left middle cerebral"),
        _end("basilar", "Basilar artery", is_optional=False, hint="Where the model shall begin."),
        _end("right_anterior_cerebral", "End of the right anterior cerebral"),
        _end("left_anterior_cerebral", "End of the left anterior cerebral"),
        _end("right_posterior_cerebral", "End of the right posterior cerebral"),
        _end("left_posterior_cerebral", "End of the left posterior cerebral"),
    ),
    AnatomyFacts(
        "internal-carotid",
        (Diameter("right_internal_carotid", 2.71, f"{_BAZ}, at its end"),),
        ("left_internal_carotid", "basilar"),
    ),
    trunk="right_internal_carotid",
    on_the_way=(
        PointRole(
            "anterior_communicating",
            "Anterior communicating",
            "Where the two anterior cerebrals meet: the way from side to side leads through here, not along bone.",
        ),
    ),
)
_SIPHON = PointRole(
    "carotid_siphon",
    "Bend of the carotid",
    "In the bend before the sac, where the two lie so close that the way would leave the bend out.",
    is_optional=True,
)
_SAC = PointRole("aneurysm", "Aneurysm", "In the middle of the sac.", is_optional=True)
_LOBE = PointRole(
    "second_aneurysm",
    "Second sac",
    "In the middle of a further sac or lobe; without a point it would be taken for a leak.",
    is_optional=True,
)
INTRACRANIAL_ANEURYSM = _preset(
    "intracranial-aneurysm",
    "Intracranial aneurysm",
    "Internal carotid with its middle and anterior cerebral arteries and the sac of an aneurysm",
    PointRole("internal_carotid_start", "Internal carotid", "In the artery where the model shall begin."),
    (
        (
            PointRole("middle_cerebral", "End of the middle cerebral", _END),
            Leg("middle_cerebral", "middle_cerebral", (_SIPHON.id,)),
        ),
        _end("anterior_cerebral", "End of the anterior cerebral"),
        (_SAC, Leg("aneurysm", "aneurysm", is_sac=True)),
        (_LOBE, Leg("second_aneurysm", "second_aneurysm", is_sac=True)),
    ),
    AnatomyFacts("internal-carotid", (Diameter("internal_carotid", 2.71, f"{_BAZ}, at its end"),)),
    trunk="internal_carotid",
    on_the_way=(_SIPHON,),
)
ABDOMINAL_AORTA = _preset(
    "abdominal-aorta",
    "Abdominal aorta with iliacs",
    "Abdominal aorta to the iliac arteries, and the renal arteries",
    PointRole("abdominal_aorta", "Abdominal aorta", "In the (true) lumen where the model shall begin."),
    (
        _end("right_iliac", "End of the right iliac", is_optional=False),
        _end("left_iliac", "End of the left iliac", is_optional=False),
        _end("right_renal", "End of the right renal"),
        _end("left_renal", "End of the left renal"),
    ),
    AnatomyFacts("abdominal-aorta"),
    trunk="aorta",
    wide_mm=10.0,
)
ANY_ARTERY = _preset(
    "any-artery",
    "Any artery",
    "An artery or a tree of arteries of which nothing is taken to be known",
    PointRole("inlet", "Inlet", "In the artery where blood enters and the model shall begin."),
    (
        _end("outlet", "Outlet", is_optional=False),
        _end("outlet_2", "Second outlet"),
        _end("outlet_3", "Third outlet"),
        _end("outlet_4", "Fourth outlet"),
    ),
    AnatomyFacts(""),
    wide_mm=4.0,
)
THIN_PRESETS = (
    LEFT_CORONARY,
    RIGHT_CORONARY,
    CAROTID,
    CIRCLE_OF_WILLIS,
    INTRACRANIAL_ANEURYSM,
    ABDOMINAL_AORTA,
    ANY_ARTERY,
)
