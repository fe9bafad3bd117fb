"""De-identification by the Basic Application Level Confidentiality Profile (DICOM PS3.15, annex E).

The profile lists what must go. Here the reverse is kept: a list of what may stay, all of it about the machine, the
picture and its place; everything else goes, known or unknown, and so do private elements. What the profile wants to be
there but empty (Z) is put in. UIDs are replaced by others that depend on nothing but the UID they replace, so that
references between files hold and the same scan is recognized when it is read again. Burned-in text, and a face that
could be rendered from a scan of the head, are beyond this profile.
"""

from __future__ import annotations

import hashlib
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pydicom import DataElement, Dataset

_KEPT_WORDS = """
    SpecificCharacterSet ImageType SOPClassUID Modality Manufacturer ManufacturerModelName
    BodyPartExamined ScanOptions SliceThickness KVP SpacingBetweenSlices DataCollectionDiameter
    ReconstructionDiameter DistanceSourceToDetector DistanceSourceToPatient GantryDetectorTilt TableHeight
    RotationDirection ExposureTime XRayTubeCurrent Exposure FilterType FocalSpots ConvolutionKernel PatientPosition
    RevolutionTime SingleCollimationWidth TotalCollimationWidth TableSpeed TableFeedPerRotation SpiralPitchFactor
    TriggerTime NominalPercentageOfCardiacPhase NominalCardiacTriggerDelayTime CardiacSynchronizationTechnique
    SeriesNumber AcquisitionNumber InstanceNumber ImagePositionPatient ImageOrientationPatient
    TemporalPositionIdentifier NumberOfTemporalPositions TemporalPositionIndex SliceLocation ImagesInAcquisition
    SamplesPerPixel PhotometricInterpretation PlanarConfiguration NumberOfFrames Rows Columns PixelSpacing
    PixelAspectRatio BitsAllocated BitsStored HighBit PixelRepresentation SmallestImagePixelValue
    LargestImagePixelValue PixelPaddingValue WindowCenter WindowWidth RescaleIntercept RescaleSlope RescaleType
    LossyImageCompression LossyImageCompressionRatio LossyImageCompressionMethod BurnedInAnnotation
    PixelPresentation VolumetricProperties VolumeBasedCalculationTechnique FrameType
    SharedFunctionalGroupsSequence PerFrameFunctionalGroupsSequence PixelMeasuresSequence PlanePositionSequence
    PlaneOrientationSequence PixelValueTransformationSequence FrameContentSequence CardiacSynchronizationSequence
    CTImageFrameTypeSequence FrameAcquisitionNumber DimensionIndexValues PixelData
"""
KEPT = frozenset(_KEPT_WORDS.split())
"""Keywords of what stays, also within the sequences that stay."""
_REPLACED_UIDS = frozenset(
    ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", "FrameOfReferenceUID", "MediaStorageSOPInstanceUID")
)
_EMPTIED = ("PatientName", "PatientID", "PatientBirthDate", "PatientSex", "StudyDate", "StudyTime", "AccessionNumber")
_EMPTIED_TOO = ("ReferringPhysicianName", "StudyID")
METHOD = "AngioTwin: PS3.15 Basic Profile, list of kept attributes"


def deidentified(dataset: Dataset) -> Dataset:
    """A copy of a DICOM data set that names nobody.

    Parameters
    ----------
    dataset : Dataset
        With or without pixels; its file meta information is copied with the instance UID replaced.
    """
    from pydicom import Dataset as NewDataset

    clean = _kept(dataset)
    for keyword in (*_EMPTIED, *_EMPTIED_TOO):
        setattr(clean, keyword, "")
    clean.PatientIdentityRemoved = "YES"
    clean.DeidentificationMethod = METHOD
    code = NewDataset()
    code.CodeValue, code.CodingSchemeDesignator = "113100", "DCM"
    code.CodeMeaning = "Basic Application Confidentiality Profile"
    clean.DeidentificationMethodCodeSequence = [code]
    clean.LongitudinalTemporalInformationModified = "REMOVED"
    return clean


def header_json(path: Path, *, keep_identity: bool = False) -> dict[str, Any]:
    """The header of a DICOM file as the DICOM JSON model (PS3.18, annex F), without pixels.

    Parameters
    ----------
    keep_identity : bool
        Whether to keep what names the patient; else the header is de-identified.
    """
    import pydicom

    with warnings.catch_warnings(action="ignore"):
        dataset = pydicom.dcmread(path, stop_before_pixels=True)
        if not keep_identity:
            dataset = deidentified(dataset)
        kept: dict[str, Any] = dataset.to_json_dict(
            bulk_data_threshold=4096, bulk_data_element_handler=lambda element: "", suppress_invalid_tags=True
        )
    return kept


def replaced_uid(uid: str) -> str:
    """The UID that stands for another one: 2.25 and the first 128 bits of its SHA-256 (PS3.5, annex B.2)."""
    return f"2.25.{int.from_bytes(hashlib.sha256(uid.encode()).digest()[:16])}"


def _kept(dataset: Dataset) -> Dataset:
    from pydicom import Dataset as NewDataset

    clean = NewDataset()
    for tag in sorted(dataset.keys()):
        if tag.is_private:
            continue
        try:
            element = dataset[tag]
        except Exception:  # a value that cannot be read cannot be known to be harmless
            continue
        kept = _kept_element(element)
        if kept is not None:
            clean.add(kept)
    return clean


def _kept_element(element: DataElement) -> DataElement | None:
    from pydicom import DataElement as NewElement

    if element.keyword in _REPLACED_UIDS:
        return NewElement(element.tag, "UI", replaced_uid(str(element.value)))
    if element.keyword not in KEPT:
        return None
    if element.VR == "SQ":
        return NewElement(element.tag, "SQ", [_kept(item) for item in element.value])
    return element
