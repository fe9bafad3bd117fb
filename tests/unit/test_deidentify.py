"""What stays of a DICOM header names nobody, as the Basic Application Level Confidentiality Profile asks."""

from __future__ import annotations

import json
from pathlib import Path

import pydicom
import pytest
from dicom_cases import IDENTITY, write_enhanced, write_series
from pydicom.datadict import dictionary_VR, keyword_dict, tag_for_keyword
from pydicom.dataset import Dataset, FileDataset

from app.case.bundle import OpenCase
from app.workflow.import_study import import_study
from imaging.dicom.deidentify import KEPT, deidentified, header_json, replaced_uid

_REMOVED_WORDS = """
AccessionNumber AcquisitionDate AcquisitionDateTime AcquisitionTime AcquisitionComments AdditionalPatientHistory
AdmissionID AdmittingDiagnosesDescription Allergies BranchOfService CassetteID ContentDate ContentTime
ContrastBolusAgent CountryOfResidence CurrentPatientLocation DerivationDescription DetectorID DeviceSerialNumber
DischargeDiagnosisDescription EthnicGroup FrameComments GantryID GeneratorID ImageComments InstanceCreationDate
InstanceCreatorUID InstitutionAddress InstitutionName InstitutionalDepartmentName InsurancePlanIdentification
IssuerOfPatientID MedicalAlerts MedicalRecordLocator MilitaryRank NameOfPhysiciansReadingStudy Occupation OperatorsName
OtherPatientIDs OtherPatientNames PatientAddress PatientAge PatientBirthDate PatientBirthName PatientBirthTime
PatientComments PatientID PatientMotherBirthName PatientName PatientReligiousPreference PatientSex PatientSize
PatientTelephoneNumbers PatientWeight PerformedProcedureStepDescription PerformedProcedureStepID PerformedStationName
PerformingPhysicianName PhysiciansOfRecord PregnancyStatus ProtocolName ReasonForStudy ReferringPhysicianName
ReferringPhysicianTelephoneNumbers RequestAttributesSequence RequestedProcedureDescription RequestingPhysician
ResponsiblePerson ScheduledProcedureStepDescription SeriesDate SeriesDescription SeriesTime SmokingStatus StationName
StudyComments StudyDate StudyDescription StudyID StudyTime TextComments TimezoneOffsetFromUTC VisitComments
AcquisitionUID DeviceUID IrradiationEventUID ReferencedImageSequence SourceImageSequence IconImageSequence
OriginalAttributesSequence ReferencedStudySequence InstanceOriginStatus AcquisitionDeviceProcessingDescription
"""
PROFILE_REMOVES = frozenset(_REMOVED_WORDS.split())
"""From table E.1-1 of DICOM PS3.15 2024b: what CT slices carry of it."""


def crowded(n: int, dataset: FileDataset) -> None:
    """Every attribute that the profile knows, filled with the patient's name, and private and nested ones."""
    for keyword in sorted(PROFILE_REMOVES):
        vr = dictionary_VR(tag_for_keyword(keyword))
        if vr == "SQ":
            item = Dataset()
            item.PatientName = "DOE^JOHN"
            setattr(dataset, keyword, [item])
        elif vr in ("PN", "LO", "SH", "LT", "ST", "UT", "UC"):
            setattr(dataset, keyword, "DOE^JOHN")
        elif vr in ("DA", "DT"):
            setattr(dataset, keyword, "19470811")
        elif vr == "UI":
            setattr(dataset, keyword, "1.2.4711")
    dataset.private_block(0x0029, "DOE SYSTEMS", create=True).add_new(1, "LO", "DOE^JOHN")
    dataset.add_new(0x60003000, "OB", b"DOE ")
    dataset.FrameOfReferenceUID = "1.2.4711.5"
    dataset.ConvolutionKernel, dataset.KVP = "B30f", 120


def test_nothing_that_the_profile_removes_is_on_the_list_of_what_stays() -> None:
    assert not KEPT & PROFILE_REMOVES
    known = set(keyword_dict)
    assert known >= KEPT and known >= PROFILE_REMOVES
    times = {keyword for keyword in KEPT if dictionary_VR(tag_for_keyword(keyword)) in ("DA", "DT", "TM", "PN", "UI")}
    assert times == {"SOPClassUID"}


def test_a_crowded_header_is_emptied_and_the_machine_stays(tmp_path: Path) -> None:
    path = next(write_series(tmp_path / "a", change=crowded, n_slices=1).iterdir())
    text = json.dumps(header_json(path))
    assert "DOE" in json.dumps(header_json(path, keep_identity=True))
    assert not [word for word in ("DOE", "JOHN", "4711", "1947") if word in text]
    clean = deidentified(pydicom.dcmread(path))
    assert clean.PatientName == "" and clean.StudyDate == "" and clean.PatientIdentityRemoved == "YES"
    assert clean.DeidentificationMethodCodeSequence[0].CodeValue == "113100"
    assert clean.ConvolutionKernel == "B30f" and clean.KVP == 120 and clean.Rows == 72
    assert not [element for element in clean if element.tag.is_private or element.tag.group == 0x6000]


def test_references_between_files_hold(tmp_path: Path) -> None:
    uids = set()
    for path in write_series(tmp_path / "a", change=crowded, n_slices=3).iterdir():
        clean = deidentified(pydicom.dcmread(path))
        uids.add((clean.SeriesInstanceUID, clean.StudyInstanceUID, clean.FrameOfReferenceUID))
    assert len(uids) == 1
    assert all(uid.is_valid and uid.startswith("2.25.") for uid in map(pydicom.uid.UID, next(iter(uids))))
    assert replaced_uid("1.2.3") != replaced_uid("1.2.4")


def test_frames_keep_their_places(tmp_path: Path) -> None:
    write_enhanced(tmp_path / "e.dcm", axes=IDENTITY)
    group = deidentified(pydicom.dcmread(tmp_path / "e.dcm")).PerFrameFunctionalGroupsSequence[2]
    assert group.PlanePositionSequence[0].ImagePositionPatient[2] == -642.0 + 3 * 2.5


@pytest.mark.parametrize("deidentify", [True, False])
def test_the_case_holds_the_header_and_names_nobody_unless_asked_to(tmp_path: Path, deidentify: bool) -> None:
    write_series(tmp_path / "a", change=crowded)
    record = import_study(tmp_path / "a", tmp_path / "c.case", "Arch 7", deidentify=deidentify)
    with OpenCase.open(tmp_path / "c.case") as opened:
        header = json.loads(opened.path_of(record.files["header"]).read_text())
    assert header["00180060"]["Value"] == [120.0]
    content = b"".join(path.read_bytes() for path in (tmp_path / "c.case").rglob("*") if path.is_file())
    assert (b"DOE" in content) is not deidentify
    assert record.recipe.parameters["deidentify"] is deidentify


def test_phase_and_repair_are_written_into_the_case(tmp_path: Path) -> None:
    write_enhanced(tmp_path / "e.dcm", phases=(30.0, 75.0))
    record = import_study(tmp_path / "e.dcm", tmp_path / "c.case", "Heart", phase="75%", repair=True)
    assert record.facts["phase"] == "75 % of the heart beat" and record.recipe.parameters["phase"] == "75%"
    assert "repair" not in record.facts, "nothing was to be repaired"

    def tilted(n: int, dataset: FileDataset) -> None:
        x, y, z = dataset.ImagePositionPatient
        dataset.ImagePositionPatient = [x, y + 0.3 * n, z]

    write_series(tmp_path / "tilt", change=tilted)
    record = import_study(tmp_path / "tilt", tmp_path / "t.case", "Tilt", repair=True)
    assert "gantry tilt of 6.8 degrees" in record.facts["repair"] and record.facts["repair"] in record.facts["notes"]
