"""Loading: people, document, and the version that their split over files does not change."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.domain.errors import GovernanceInvalid, Misconfigured
from app.governance.files import load, load_files
from app.governance.policy import compile_policy, swap_persons, version_of
from app.governance.tree import MAX_FILES, MAX_TEXT
from tests.governance.small import FILES, write

PERSONS = ("olivia", "dana", "sam", "tom", "rita", "ivan")


def test_people_are_beside_the_document(tmp_path: Path) -> None:
    governance = load(write(tmp_path))
    assert tuple(person.id for person in governance.people) == PERSONS
    olivia = governance.people[0]
    assert olivia.subjects == {"customer:olivia"}
    assert [(i.provider, i.issuer, i.subject) for i in olivia.identities] == [
        ("slack", "T0SHOP", "U0OLIVIA"),
        ("oidc", "https://id.example", "1"),
    ]
    assert "people" not in governance.document


def test_how_entries_are_split_and_ordered_does_not_change_the_version(tmp_path: Path) -> None:
    (tmp_path / "split").mkdir()
    (tmp_path / "whole").mkdir()
    split = load(write(tmp_path / "split"))
    (tmp_path / "whole" / "all.yaml").write_text("".join(reversed(list(FILES.values()))))
    whole = load(tmp_path / "whole")
    assert version_of(split.document) == version_of(whole.document)


def test_persons_are_swapped_both_ways_and_none_is_left(tmp_path: Path) -> None:
    document = load(write(tmp_path)).document
    pids = {person: f"p{number}" for number, person in enumerate(PERSONS)}
    swapped = swap_persons(document, pids)
    assert not [person for person in PERSONS if f"'{person}'" in repr(swapped)]
    assert swap_persons(swapped, {pid: person for person, pid in pids.items()}) == document
    assert swapped["bots"][0]["owners"]["incident"] == "group:responders"
    assert version_of(swapped) != version_of(document)


def test_a_person_without_a_pid_is_refused(tmp_path: Path) -> None:
    document = load(write(tmp_path)).document
    with pytest.raises(Misconfigured, match="ivan"):
        swap_persons(document, {person: "p" for person in PERSONS if person != "ivan"})


def test_the_version_of_an_action_is_over_pids_and_changes_with_its_entry(tmp_path: Path) -> None:
    document = load(write(tmp_path)).document
    one = {person: f"p{number}" for number, person in enumerate(PERSONS)}
    other = {person: f"q{number}" for number, person in enumerate(PERSONS)}
    first, second = (compile_policy(document, "v", pids=pids).actions for pids in (one, other))
    assert first["orders.pay"].version == second["orders.pay"].version
    assert first["undo.pay"].version != second["undo.pay"].version
    write(tmp_path, ("title: Pay", "title: Pay!"))
    changed = compile_policy(load(tmp_path).document, "v", pids=one).actions
    assert changed["orders.pay"].version != first["orders.pay"].version
    assert changed["undo.pay"].version == first["undo.pay"].version


def test_files_that_came_as_text_are_what_they_are_in_a_folder(tmp_path: Path) -> None:
    assert load_files(FILES) == load(write(tmp_path))


@pytest.mark.parametrize("name", ["../a.yaml", "a/b.yaml", "/a.yaml", ".a.yaml", "a.yaml\n", "a.json", "ä.yaml", ""])
def test_a_name_that_is_not_one_of_a_plain_file_is_refused(name: str) -> None:
    with pytest.raises(GovernanceInvalid) as refused:
        load_files({**FILES, name: "plans: {}\n"})
    assert ["is not a file name" in finding.what for finding in refused.value.findings] == [True]


def test_no_files_too_many_and_too_much_text_are_refused() -> None:
    many = {f"{number}.yaml": "plans: {}\n" for number in range(MAX_FILES + 1)}
    for files in ({}, many, {"large.yaml": "#" * (MAX_TEXT + 1)}, {"wide.yaml": "#" + "ä" * (MAX_TEXT // 2)}):
        with pytest.raises(GovernanceInvalid) as refused:
            load_files(files)
        assert [finding.where for finding in refused.value.findings] == ["files"]


def test_half_a_surrogate_pair_is_a_finding() -> None:
    with pytest.raises(GovernanceInvalid, match="UTF-8"):
        load_files({"a.yaml": "people: '\ud800'"})
