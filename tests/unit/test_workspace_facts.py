"""Reading git's answers: no repository is needed for that."""

import io

import pytest

from devsecops_eda.checks.commit import MAX_CHANGED_FILES
from devsecops_eda.errors import CheckError, FailureReason, TransientError
from devsecops_eda.model import ChangedFile
from devsecops_eda.redaction import masked_text
from devsecops_eda.sandbox import Completed
from devsecops_eda.settings import Repository
from devsecops_eda.workspace.export import Entry, entry
from devsecops_eda.workspace.facts import changed_files
from devsecops_eda.workspace.git import last_words, records
from devsecops_eda.workspace.remote import explained, is_unknown_revision, missing_ref


def test_changed_files_are_read_with_their_old_names() -> None:
    answer = b"M\0a.py\0R087\0old\nname\0new.py\0D\0gone\0C100\0from\0to\0T\0link\0"
    assert changed_files(answer) == (
        ChangedFile("a.py", "M"),
        ChangedFile("new.py", "R", "old\\x0aname"),
        ChangedFile("gone", "D"),
        ChangedFile("to", "C", "from"),
        ChangedFile("link", "T"),
    )
    assert changed_files(b"") == ()


def test_it_shows_that_there_are_more_changed_files_than_are_told() -> None:
    answer = b"".join(b"A\0%d\0" % number for number in range(MAX_CHANGED_FILES + 100))
    assert len(changed_files(answer)) == MAX_CHANGED_FILES + 1


def test_entries_of_a_tree_are_read() -> None:
    oid = b"a" * 40
    assert entry(b"100644 blob %s      12\ta b\tc" % oid) == Entry(b"100644", oid, 12, b"a b\tc")
    assert entry(b"160000 commit %s       -\tsub" % oid) == Entry(b"160000", oid, 0, b"sub")
    with pytest.raises(CheckError, match="is not here"):
        entry(b"100644 blob %s     BAD\ta" % oid)


def test_records_come_whole_or_not_at_all() -> None:
    assert list(records(io.BytesIO(b"a\0b\n\0\0"))) == [b"a", b"b\n", b""]
    with pytest.raises(EOFError):
        list(records(io.BytesIO(b"a\0b")))
    with pytest.raises(EOFError):
        list(records(io.BytesIO(b"x" * 10**6)))


def test_no_credential_is_in_what_git_said() -> None:
    said = (
        b"warning: x\nfatal: unable to access 'https://ci:hunter2@git.example.org/x.git/': no\x1b"
    )
    text = last_words(said)
    assert text == "fatal: unable to access 'https://***@git.example.org/x.git/': no?"
    assert masked_text("ssh://u:p@h/x https://t0ken@h/y") == "ssh://***@h/x https://***@h/y"
    assert last_words(b"") == "no reason given"


AWAY = (
    "fatal: unable to access 'https://h/': Could not resolve host: h",
    "fatal: unable to access 'https://h/': Failed to connect to h port 443 after 1 ms: Couldn't",
    "fatal: unable to access 'https://h/': The requested URL returned error: 503",
    "fatal: unable to access 'https://h/': The requested URL returned error: 429",
    "ssh: connect to host h port 22: Connection refused\nfatal: Could not read from remote",
    "fatal: early EOF\nfatal: fetch-pack: invalid index-pack output",
    "fatal: the remote end hung up unexpectedly",
    "error: RPC failed; curl 56 GnuTLS recv error",
    "fatal: something nobody has ever seen",
)
REFUSED = (
    "fatal: Authentication failed for 'https://h/x.git/'",
    "fatal: could not read Username for 'https://h': terminal prompts disabled",
    "remote: Repository not found.\nfatal: repository 'https://h/x.git/' not found",
    "fatal: unable to access 'https://h/': The requested URL returned error: 403",
    "git@h: Permission denied (publickey).\nfatal: Could not read from remote repository.",
    "Host key verification failed.\nfatal: Could not read from remote repository.",
    "fatal: transport 'ext' not allowed",
    "fatal: fsck error in packed object",
    "fatal: unable to access 'https://h/': SSL certificate problem: self-signed certificate",
)
REPOSITORY = Repository("acme/app", "https://h/x.git")


def said(text: str) -> Completed:
    return Completed(128, b"", text.encode(), 0.1)


@pytest.mark.parametrize("text", AWAY)
def test_a_server_that_is_away_is_waited_for(text: str) -> None:
    error = explained(REPOSITORY, said(text))
    assert isinstance(error, TransientError)
    assert str(error).startswith("acme/app: ")


@pytest.mark.parametrize("text", REFUSED)
def test_a_server_that_refuses_is_not_asked_again(text: str) -> None:
    error = explained(REPOSITORY, said(text))
    assert isinstance(error, CheckError)
    assert error.reason is FailureReason.FETCH_REFUSED


def test_a_branch_and_a_commit_the_server_does_not_have_are_told_apart() -> None:
    assert missing_ref(b"fatal: couldn't find remote ref refs/heads/x\n") == "refs/heads/x"
    assert missing_ref(b"fatal: early EOF\n") is None
    assert is_unknown_revision(b"fatal: remote error: upload-pack: not our ref 00\n")
    assert not is_unknown_revision(b"fatal: early EOF\n")
