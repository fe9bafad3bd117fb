#!/bin/sh
# Prints the newest usable Python (3.12 to 3.14) found on PATH, among pyenv's versions, or through uv.
set -u
works() { "$1" -c 'import sys, venv, ensurepip; sys.exit(not (3, 12) <= sys.version_info[:2] <= (3, 14))' 2>/dev/null; }
for minor in 14 13 12; do
    for candidate in "$(command -v python3.$minor 2>/dev/null)" "${PYENV_ROOT:-$HOME/.pyenv}"/versions/3.$minor.*/bin/python3; do
        if [ -n "$candidate" ] && [ -x "$candidate" ] && works "$candidate"; then echo "$candidate"; exit 0; fi
    done
done
if works python3; then command -v python3; exit 0; fi
if command -v uv >/dev/null 2>&1; then
    candidate=$(uv python find '>=3.12,<3.15' 2>/dev/null)
    if [ -n "$candidate" ] && works "$candidate"; then echo "$candidate"; exit 0; fi
fi
echo "AngioTwin needs Python 3.12, 3.13 or 3.14 with venv and pip; none was found on PATH, under pyenv or through uv." >&2
echo "Install one (for example: apt-get install python3.12-venv, pyenv install 3.13, or uv python install 3.13) and run make again." >&2
exit 1
