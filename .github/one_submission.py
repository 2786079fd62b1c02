"""Print the name of the one submission that a pull request brings, or say what else it changes and fail.

    python3 one_submission.py REPOSITORY BASE

``REPOSITORY`` is a checkout of the head; what it has changed since it left ``BASE`` is read from git, nothing is run.
Renames count as what they are, one file gone and one more; links, submodules and programs are refused by their mode.
"""

from __future__ import annotations

import re
import subprocess
import sys

FILE = re.compile(
    r"leaderboard/submissions/([a-z][a-z0-9-]{2,39})/(?!__pycache__)\w[\w.-]*(?:/(?!__pycache__)\w[\w.-]*)*", re.ASCII
)
PLAIN, GONE = "100644", "000000"


def one_submission(repository: str, base: str) -> str:
    """Name of the submission.

    Raises
    ------
    ValueError
        Other files are changed, those of several submissions, or files that are not plain.
    """
    command = ["git", "-C", repository, "diff", "--raw", "-z", "--no-renames", "--no-abbrev", f"{base}...HEAD"]
    words = subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout.decode(errors="replace").split("\0")
    names = set()
    for about, path in zip(words[::2], words[1::2], strict=False):
        found = FILE.fullmatch(path)
        if not found:
            raise ValueError(f"a pull request must change the files of one submission and nothing else, got {path!a}")
        if about.split()[1] not in (PLAIN, GONE):
            raise ValueError(f"a submission must be of plain files, no links, submodules or programs, got {path!a}")
        names.add(found.group(1))
    if len(names) != 1:
        raise ValueError(f"a pull request must bring one submission, got {', '.join(sorted(names)) or 'none'}")
    return names.pop()


if __name__ == "__main__":
    try:
        print(one_submission(*sys.argv[1:3]))
    except ValueError as error:
        sys.exit(str(error))
