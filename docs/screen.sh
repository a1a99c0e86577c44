#!/usr/bin/env bash
# Draws docs/screen.svg from a real run in a scratch repository: docs/screen.sh [PROGRAM]
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
program=$(realpath "${1:-$here/../target/release/git-wtcheck}")
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT

export HOME=$root/home LANG=C.UTF-8 GIT_CONFIG_NOSYSTEM=1 COLUMNS=100
export GIT_AUTHOR_NAME=Ada GIT_AUTHOR_EMAIL=ada@example.com GIT_COMMITTER_NAME=Ada GIT_COMMITTER_EMAIL=ada@example.com
unset GIT_DIR GIT_WORK_TREE GIT_INDEX_FILE NO_COLOR LC_ALL
mkdir "$HOME" "$root/app"
cd "$root/app"
git init -q -b main
git config advice.mergeConflict false

# commit AGE SUBJECT: everything there is, AGE days ago.
commit () {
  git add -A
  GIT_AUTHOR_DATE="$(($(date +%s) - $1 * 86400)) +0000" GIT_COMMITTER_DATE="$(($(date +%s) - $1 * 86400)) +0000" \
    git commit -q --allow-empty -m "$2"
}
worktree () { git worktree add -q -b "$2" "../$1" --track main >/dev/null; cd "../$1"; }

seq 20 > parser; printf '#!/bin/sh\nexit 0\n' > run-tests; chmod +x run-tests
commit 9 'Release 1.4'

worktree parser feat/parser
seq 5 25 > parser; git add parser; seq 4 25 > parser; echo 'a b c' > notes.txt
cd ../app

worktree retry feat/retry
printf '#!/bin/sh\necho "test retry::waits ... ok"\necho "test retry::gives_up ... FAILED"\necho "assertion failed: 3 attempts, not 4" >&2\nexit 101\n' > run-tests
commit 1 'Give up after three attempts'
cd ../app

worktree rename fix/rename
sed -i 's/^10$/ten/' parser; commit 3 'Name the tenth'
cd ../app
sed -i 's/^10$/TEN/' parser; commit 2 'Shout the tenth'
(cd ../rename && git rebase main >/dev/null 2>&1) || true

git worktree add -q --detach ../review-42 HEAD~1
git worktree add -q -b slow/disk ../on-a-stick HEAD~1
git worktree lock --reason 'on a stick' ../on-a-stick
rm -r ../on-a-stick
git worktree add -q -b old ../thrown-away HEAD~1
rm -r ../thrown-away

git config wtcheck.test.command ./run-tests
git config wtcheck.test.when 'status.operation == ""'

{ printf '$ git wtcheck\n'; "$program" --color=always --no-progress || true; } | python3 "$here/svg.py" "$COLUMNS" > "$here/screen.svg"
