"""The thoracic aorta with its three branches, from the aortic valve to a point in the descending part."""

from __future__ import annotations

from imaging.segmentation.arterial_tree import ArterialTreeParameters, TreeRoles, segment_tree
from imaging.segmentation.declaration import AnatomyFacts, Opening, PointRole, PointsMm, Preset
from imaging.types import LabelMap, Progress, Volume

ROLES = (
    PointRole("aortic_valve", "Aortic valve", "Center of the annulus, where the leaflets are hinged."),
    PointRole("ascending", "Ascending aorta", "Middle of the lumen at the level of the right pulmonary artery."),
    PointRole("arch", "Aortic arch", "Middle of the lumen at the top of the arch."),
    PointRole("descending", "Descending aorta", "Middle of the (true) lumen at the level of the left atrium or above."),
    PointRole(
        "descending_end", "End of the model", "In the (true) lumen where the model shall end, above side branches."
    ),
    PointRole("brachiocephalic", "Brachiocephalic trunk", "In the trunk where the model shall end, before it divides."),
    PointRole("left_common_carotid", "Left common carotid", "In the artery where the model shall end."),
    PointRole("left_subclavian", "Left subclavian", "In the artery where the model shall end, before the vertebral."),
)
NAMES = {1: "aorta", 2: "brachiocephalic_trunk", 3: "left_common_carotid", 4: "left_subclavian"}
_TREE = TreeRoles(
    main=("aortic_valve", "ascending", "arch", "descending", "descending_end"),
    branches=("brachiocephalic", "left_common_carotid", "left_subclavian"),
    titles={role.id: role.title for role in ROLES},
    names=NAMES,
)


def _segment(volume: Volume, points: PointsMm, parameters: ArterialTreeParameters, progress: Progress) -> LabelMap:
    return segment_tree(volume, points, _TREE, parameters, progress)


OPENINGS = (
    Opening("aortic_valve", "aortic_valve", "inlet"),
    Opening("brachiocephalic", "brachiocephalic", "outlet"),
    Opening("left_common_carotid", "left_common_carotid", "outlet"),
    Opening("left_subclavian", "left_subclavian", "outlet"),
    Opening("descending_end", "descending", "outlet"),
)

THORACIC_AORTA = Preset(
    id="thoracic-aorta",
    title="Thoracic aorta",
    anatomy="Lumen of the aorta from the valve to the descending part, with the three branches of the arch, in a CT "
    "with contrast medium in the arteries; in a dissection the lumen in which the points lie.",
    roles=ROLES,
    openings=OPENINGS,
    parameters_type=ArterialTreeParameters,
    names=NAMES,
    segment=_segment,
    facts=AnatomyFacts("aortic"),
)
