"""The step that every run begins with: the right commits, in the workspace."""

from __future__ import annotations

from collections.abc import Iterable

from jx.domain.pipelines.runs import Pull

HEADS = "PULL_HEADS"
"""The variable with the pull requests to merge: `REF=SHA`, separated by spaces."""

SCRIPT = """\
set -eu
echo "Cloning $SOURCE_URL, branch $PULL_BASE_REF"
rm -rf .git
git init -q .
git config remote.origin.url "$SOURCE_URL"
git config remote.origin.fetch '+refs/heads/*:refs/remotes/origin/*'
need() {
  if git cat-file -e "$1^{commit}" 2>/dev/null; then return; fi
  if ! git fetch -q origin "$1"; then
    if [ -n "$reached" ]; then echo "commit $1 is not in $SOURCE_URL any more" >&2; fi
    if [ -z "$reached" ]; then echo "neither branch $PULL_BASE_REF nor commit $1 can be had from $SOURCE_URL" >&2; fi
    exit 1
  fi
}
reached=
if git fetch -q --tags origin "+refs/heads/$PULL_BASE_REF:refs/remotes/origin/$PULL_BASE_REF"; then
  reached=yes
elif [ -z "${PULL_BASE_SHA:-}" ]; then
  echo "there is no branch $PULL_BASE_REF in $SOURCE_URL" >&2
  exit 1
fi
base=${PULL_BASE_SHA:-refs/remotes/origin/$PULL_BASE_REF}
if [ -n "${PULL_BASE_SHA:-}" ]; then need "$PULL_BASE_SHA"; fi
git checkout -q -f -B "$PULL_BASE_REF" "$base"
git clean -ffdxq
for head in ${PULL_HEADS:-}; do
  git fetch -q origin "${head%=*}" || :
  need "${head##*=}"
  if ! git merge -q --no-ff -m "Merge ${head%=*} for its check" "${head##*=}"; then
    echo "${head%=*} at ${head##*=} cannot be merged onto $PULL_BASE_REF: rebase it" >&2
    exit 1
  fi
done
if [ -f .gitmodules ]; then git submodule update -q --init --recursive; fi
git log -1 --format='%H %s'
"""
"""Says what it does not find. Doing it again gives the same, whatever the workspace has become: a task that is tried again finds
what its steps left there, and git would run their hooks, with the login that only this step has."""


def write_heads(pulls: Iterable[Pull]) -> str:
    """The value of that variable."""
    return " ".join(f"{pull.real_ref}={pull.revision}" for pull in pulls)
